/** Sums what vitest's JSON reporter wrote. */

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/**
 * A file that could not be loaded, or whose hooks failed, has no failed test of its own: it counts as one.
 * @param {{ testResults?: { status: string, assertionResults: { status: string }[] }[] } | undefined} report undefined if there is none
 * @param {number | null} exitCode vitest's: an error outside of any test is seen only there
 * @returns {Counts}
 */
export function countTests(report, exitCode) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { status, assertionResults } of report?.testResults ?? []) {
    let failedHere = 0;
    for (const assertion of assertionResults) {
      if (assertion.status === 'passed') counts.passed += 1;
      else if (assertion.status === 'failed') failedHere += 1;
      else counts.skipped += 1;
    }
    counts.failed += status === 'failed' ? Math.max(1, failedHere) : failedHere;
  }
  if (exitCode !== 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}

/** @param {Counts} counts */
export const summaryLine = ({ passed, failed, skipped }) => `${passed} passed, ${failed} failed, ${skipped} skipped`;
