/** ZIP archives inside of a source: wheels, and the form in which PyTorch has saved since 1.6. */
import { crc32 } from 'node:zlib';
import { fromRandomAccessReaderPromise, type Entry, type ZipFile } from 'yauzl';
import { ModelError } from '../errors.js';
import { bufferSource, partOf, SourceReader, type ByteSource } from './byte-source.js';
import { invalid, refused } from './checkpoint-error.js';

/** A ResNet-152 has 1000. */
const MAX_ENTRIES = 100_000;

/** What is compressed is unpacked in memory: up to this size, and this many times larger than it was. */
const MAX_UNPACKED_BYTES = 1 << 30;
const MAX_RATIO = 100;

const STORED = 0;

export class Archive {
  private constructor(
    private readonly source: ByteSource,
    private readonly zip: ZipFile,
    private readonly entries: ReadonlyMap<string, Entry>,
  ) {}

  /** Reads the directory. Rejects with ModelError. */
  static async open(source: ByteSource): Promise<Archive> {
    return converted(async () => {
      const zip = await fromRandomAccessReaderPromise(new SourceReader(source), source.size, { autoClose: false });
      if (zip.entryCount > MAX_ENTRIES) throw refused(`its archive has more than ${MAX_ENTRIES} files`);
      const entries = new Map<string, Entry>();
      for await (const entry of zip.eachEntry()) {
        if (entries.has(entry.fileName)) throw invalid(`its archive has ${shown(entry.fileName)} twice`);
        entries.set(entry.fileName, entry);
      }
      return new Archive(source, zip, entries);
    });
  }

  get names(): string[] {
    return [...this.entries.keys()];
  }

  has(name: string): boolean {
    return this.entries.has(name);
  }

  /**
   * The bytes of a file in the archive: those that are not compressed are read where they lie. The checksum of the others is
   * verified; PyTorch may leave it out of its own. Rejects with ModelError.
   */
  async file(name: string): Promise<ByteSource> {
    const entry = this.entries.get(name);
    if (entry === undefined) throw invalid(`its archive lacks ${shown(name)}`);
    return converted(async () => {
      if (entry.isEncrypted()) throw refused(`${shown(name)} in its archive is encrypted. Unpack it first`);
      const { uncompressedSize: size, compressedSize: packed } = entry;
      if (entry.compressionMethod === STORED) {
        const { fileDataStart } = await this.zip.readLocalFileHeaderPromise(entry, { minimal: true });
        return partOf(this.source, fileDataStart, size);
      }
      if (size > MAX_UNPACKED_BYTES || size > packed * MAX_RATIO) {
        throw refused(`${shown(name)} in its archive unpacks from ${packed} to ${size} bytes. Unpack it first`);
      }
      const chunks: Buffer[] = [];
      for await (const chunk of await this.zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
      const bytes = Buffer.concat(chunks);
      if (crc32(bytes) !== entry.crc32) throw invalid(`the checksum of ${shown(name)} in its archive is wrong`);
      return bufferSource(bytes);
    });
  }
}

/** What yauzl finds wrong is wrong with the file. */
async function converted<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ModelError) throw error;
    throw invalid(`its archive is damaged (${error instanceof Error ? error.message : String(error)})`, error);
  }
}

const shown = (name: string): string => JSON.stringify(name.slice(0, 200));
