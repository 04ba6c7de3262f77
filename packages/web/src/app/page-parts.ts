/** What there is once for the page, and every view may use. */
import type { History, Toasts } from '../parts/index.js';

export interface PageParts {
  readonly history: History;
  readonly toasts: Toasts;
}
