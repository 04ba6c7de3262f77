/** Numbers as people read them. */

/** `1.2 s`, `12 s`, `2 min 5 s`. @param {number} ms */
export function duration(ms) {
  const seconds = ms / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1).replace(/\.0$/, '')} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  return whole % 60 === 0 ? `${whole / 60} min` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** To three digits; whole numbers as they are. @param {number} value */
export const rounded = (value) => (Number.isInteger(value) ? value : Number(value.toPrecision(3)));
