/** Whether this run has the long forms of the tests that have one: `npm test -- full`, or `npm test -- faults` for the faults alone. */
export const full = process.env['QUINTET_FULL'] === '1';
