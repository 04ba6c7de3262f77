/** Light, dark, or as the system has it: an attribute of <html> that tokens.css reads, kept in this browser. */

export const themes = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const item = 'quintet.theme';

export function currentTheme(): Theme {
  return themes.find((theme) => theme === document.documentElement.dataset['theme']) ?? 'auto';
}

export function restoreTheme(): void {
  let stored: string | null = null;
  try {
    stored = localStorage.getItem(item);
  } catch {
    // A browser that keeps nothing has the system's.
  }
  document.documentElement.dataset['theme'] = themes.find((theme) => theme === stored) ?? 'auto';
}

/** The next of the three. */
export function switchTheme(): Theme {
  const next = themes[(themes.indexOf(currentTheme()) + 1) % themes.length] ?? 'auto';
  document.documentElement.dataset['theme'] = next;
  try {
    localStorage.setItem(item, next);
  } catch {
    // As above.
  }
  return next;
}
