/** The classify view: a picture in, five labels out. */
import { h } from '../app/dom.js';

/** Fills `host`, once; what runs in it goes on while another view is shown. */
export function classifyView(host: HTMLElement): void {
  host.append(h('h1', {}, 'What is in this picture?'));
}
