/**
 * The pictures of a ZIP on disk, by its central directory, one at a time.
 *
 * Nothing that the archive says is believed: sizes are counted while they are read, and checked with the CRC afterwards. What is
 * wrong with one entry is that item's failure; what is wrong with the directory fails the batch, because what else is in it
 * cannot be known. Names are labels and touch no disk. An archive within the archive is a picture that is none.
 */
import { isUtf8 } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { ProblemError, type ErrorCode } from '@quintet/shared';
import { fromRandomAccessReaderPromise, getFileNameLowLevel, type Entry, type ZipFile } from 'yauzl';
import { tooManyItems, type BatchInput, type ItemSource } from '../../../batches/index.js';
import {
  ArchiveMeter,
  entryTooLarge,
  isByFile,
  isOurs,
  malformedArchive,
  type ArchiveLimits,
} from './archive-limits.js';
import type { Spool } from './spool.js';
import { findZip } from './zip-view.js';

const fileTypeMask = 0o170000;
const regularFile = 0o100000;
/** Systems that an entry says it was made on: Unix, and what macOS's Archive Utility writes. */
const unixHosts = [3, 19];
const utf8Flag = 0x800;

/** Of APPNOTE.TXT 4.4.5, those that are in use. */
const methods = new Map([
  [1, 'shrink'],
  [6, 'implode'],
  [9, 'Deflate64'],
  [12, 'bzip2'],
  [14, 'LZMA'],
  [93, 'Zstandard'],
  [95, 'XZ'],
  [98, 'PPMd'],
]);
const [stored, deflated] = [0, 8];

/** Yields each picture of the archive. Throws `archive_malformed` and what the limits say. */
export async function* zipItems(spool: Spool, limits: ArchiveLimits): AsyncGenerator<BatchInput> {
  const meter = new ArchiveMeter(limits, () => spool.size);
  try {
    const { reader, size } = await findZip(spool);
    const zip = await fromRandomAccessReaderPromise(reader, size, {
      autoClose: false,
      lazyEntries: true,
      // Names are decoded below: yauzl refuses a whole archive for one that looks like a path out of it.
      decodeStrings: false,
      // Sizes are checked below: yauzl refuses a whole archive for one entry that lies.
      validateEntrySizes: false,
    });
    if (zip.entryCount > ArchiveMeter.mostEntries(limits)) throw tooManyItems(limits.maxItems);
    for await (const entry of zip.eachEntry()) {
      meter.entry();
      const name = nameOf(entry);
      if (isPicture(entry, name)) yield { name, source: await readEntry(zip, entry, meter, limits.maxItemBytes) };
    }
  } catch (error) {
    throw malformedArchive(error);
  }
}

function madeOnUnix({ versionMadeBy }: Entry): boolean {
  return unixHosts.includes(versionMadeBy >>> 8);
}

/**
 * The name, by the Unicode Path extra field, or in UTF-8 where its flag is set, else in CP437. On Unix, Info-ZIP and macOS write
 * UTF-8 without the flag: there a name is UTF-8 where it can be.
 */
function nameOf(entry: Entry): string {
  const { generalPurposeBitFlag: flags, fileNameRaw, extraFields } = entry;
  const utf8 = madeOnUnix(entry) && isUtf8(fileNameRaw);
  return getFileNameLowLevel(utf8 ? flags | utf8Flag : flags, fileNameRaw, extraFields, false);
}

/** Folders, links and other special files of Unix, and by-files are passed over. */
function isPicture(entry: Entry, name: string): boolean {
  if (name.endsWith('/') || isByFile(name)) return false;
  const type = (entry.externalFileAttributes >>> 16) & fileTypeMask;
  return !madeOnUnix(entry) || type === 0 || type === regularFile;
}

async function readEntry(zip: ZipFile, entry: Entry, meter: ArchiveMeter, limit: number): Promise<ItemSource> {
  const fault = (code: ErrorCode, detail: string): ItemSource => ({ problem: new ProblemError(code, detail) });
  if (entry.isEncrypted()) return fault('archive_entry_encrypted', 'The file in the archive is encrypted.');
  const { compressionMethod: method, uncompressedSize: size } = entry;
  if (method !== stored && method !== deflated) {
    const known = methods.get(method) ?? `method ${method}`;
    return fault('archive_entry_unreadable', `The file in the archive is packed with ${known}. Pack it with deflate.`);
  }
  if (size > limit) return entryTooLarge(limit);
  const image = Buffer.allocUnsafeSlow(size);
  let read = 0;
  try {
    const stream = await zip.openReadStreamPromise(entry);
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      meter.unpacked(chunk.length);
      if (read + chunk.length > size) {
        return fault(
          'archive_entry_expands',
          `The file in the archive unpacks to more than the ${size} bytes it says.`,
        );
      }
      read += chunk.copy(image, read);
    }
  } catch (error) {
    if (isOurs(error)) throw error;
    const detail = error instanceof Error ? error.message : String(error);
    return fault('archive_entry_unreadable', `The file in the archive cannot be read: ${detail.slice(0, 200)}.`);
  }
  if (read < size || crc32(image) !== entry.crc32) {
    return fault('archive_entry_unreadable', 'The file in the archive is damaged: its size or its checksum is wrong.');
  }
  return { image };
}
