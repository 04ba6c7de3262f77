/** The samples of an operation in every language, all from its call with curl. */
import { javaScriptOf } from './javascript.js';
import { pythonOf } from './python.js';
import { readSample } from './shell.js';

export interface CodeSample {
  /** As renderers of OpenAPI documents know it. */
  readonly lang: 'Shell' | 'JavaScript' | 'Python';
  readonly label: string;
  readonly source: string;
}

/** Each can be pasted where it runs, beside a `photo.jpg`. */
export function samplesOf(curl: string): CodeSample[] {
  const sample = readSample(curl);
  return [
    { lang: 'Shell', label: 'curl', source: curl },
    { lang: 'JavaScript', label: 'JavaScript', source: javaScriptOf(sample) },
    { lang: 'Python', label: 'Python', source: pythonOf(sample) },
  ];
}
