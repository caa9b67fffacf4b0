/** Figures as people read them. */

const byteUnits = ['bytes', 'KB', 'MB', 'GB'];

/** @param {number} bytes @returns {string} Decimal units, three significant digits: `98.4 MB`. */
export function formatBytes(bytes) {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < byteUnits.length - 1) {
    value /= 1000;
    unit += 1;
  }
  if (unit === 0) return `${Math.round(value)} bytes`;
  return `${value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0)} ${byteUnits[unit]}`;
}

/** @param {number} seconds @returns {string} `8 s`, `2 min 10 s`, `1 h 5 min`. */
export function formatDuration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) {
    const rest = whole % 60;
    return `${Math.floor(whole / 60)} min${rest ? ` ${rest} s` : ''}`;
  }
  const minutes = Math.round((whole % 3600) / 60);
  return `${Math.floor(whole / 3600)} h${minutes ? ` ${minutes} min` : ''}`;
}

/** @param {number} milliseconds @returns {string} `340 ms` or `2.1 s`. */
export function formatMilliseconds(milliseconds) {
  return milliseconds < 995 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

/** @param {number} count @returns {string} With separators: `131,072`. */
export function formatCount(count) {
  return Math.round(count).toLocaleString('en');
}

/** @param {number} rate Tokens per second. @returns {string} */
export function formatRate(rate) {
  return `${rate < 10 ? rate.toFixed(1) : Math.round(rate)} tokens/s`;
}

/**
 * @param {number} time Milliseconds since 1970.
 * @param {number} now
 * @returns {string} The group a conversation is in.
 */
export function dayGroup(time, now = Date.now()) {
  const startOfToday = new Date(now).setHours(0, 0, 0, 0);
  const day = 86_400_000;
  if (time >= startOfToday) return 'Today';
  if (time >= startOfToday - day) return 'Yesterday';
  if (time >= startOfToday - 7 * day) return 'Last 7 days';
  return 'Older';
}
