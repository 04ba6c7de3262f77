/** What there is once for the page, and every view may use. */
import type { Served } from '../classify/served.js';
import type { History, Toasts } from '../parts/index.js';

export interface PageParts {
  readonly history: History;
  readonly toasts: Toasts;
  /** The models. */
  readonly served: Served;
  /** Says in the window's title what the view shows; `Quintet` where it is empty. Of a view that is hidden it waits. */
  readonly title: (text: string) => void;
}
