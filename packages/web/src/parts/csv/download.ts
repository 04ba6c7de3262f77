/** Gives the reader text as a file. */

/** `name` is what the browser suggests; `type` goes with UTF-8. */
export function downloadText(name: string, text: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  // Firefox follows only links that are in the document.
  document.body.append(link);
  link.click();
  link.remove();
  // The download has the blob by then: no browser reads the address later than in the next task.
  setTimeout(() => {
    URL.revokeObjectURL(url);
  }, 10_000);
}
