/** Lists in header values (RFC 9110 section 5.6.1). */

/** Splits at commas outside of quoted strings. A quote that is never closed takes the rest with it. */
export function splitList(line: string): string[] {
  const elements: string[] = [];
  let start = 0;
  let inQuotes = false;
  for (let i = 0; i < line.length; i++) {
    const character = line[i];
    if (inQuotes && character === '\\') i++;
    else if (character === '"') inQuotes = !inQuotes;
    else if (character === ',' && !inQuotes) {
      elements.push(line.slice(start, i));
      start = i + 1;
    }
  }
  elements.push(line.slice(start));
  return elements;
}
