import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeZip } from '../../../../test/fixtures/archives/make-zip.js';
import { checkpointFile, expectedFiles } from '../../../../test/fixtures/checkpoints/index.js';
import { ModelError } from '../errors.js';
import { recognize } from './import-checkpoint.js';
import { bufferSource } from './byte-source.js';
import { readCheckpoint } from './checkpoint.js';

const number = (text: string): number => (text === 'inf' ? Number.POSITIVE_INFINITY : Number(text));

const file = (name: string): Promise<Buffer> => readFile(checkpointFile(name));

/** All values of a checkpoint, as its reader gets them. */
async function read(bytes: Buffer): Promise<Record<string, { shape: readonly number[]; values: readonly number[] }>> {
  const tensors = await readCheckpoint(bufferSource(bytes));
  const entries = [...tensors].map(async ([name, tensor]) => {
    return [name, { shape: tensor.shape, values: [...(await tensor.values(name))] }] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** The message of the ModelError with which these bytes are refused. */
async function refusal(bytes: Buffer): Promise<string> {
  const error: unknown = await read(bytes).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ModelError);
  return (error as ModelError).message;
}

/** A file of torch.save in the zip form with this pickle. */
const withPickle = (pickle: string, ...others: { name: string; content: Buffer }[]): Buffer =>
  makeZip([{ name: 'archive/data.pkl', content: Buffer.from(pickle, 'latin1'), method: 'store' }, ...others]);

/** The pickle of `{'a.b': tensor}`, whose storage 0 has `elements`. */
function tensorPickle(elements: number, offset: number, size: readonly number[], strides: readonly number[]): string {
  const integer = (value: number): string => `I${value}\n`;
  const tuple = (values: readonly number[]): string => `(${values.map(integer).join('')}t`;
  const storage = `(U\x07storagectorch\nFloatStorage\nU\x010U\x03cpu${integer(elements)}tQ`;
  const call = `ctorch._utils\n_rebuild_tensor_v2\n(${storage}${integer(offset)}${tuple(size)}${tuple(strides)}tR`;
  return `\x80\x02}U\x03a.b${call}s.`;
}

describe('readCheckpoint', () => {
  it.each(Object.entries(expectedFiles()))('reads %s as PyTorch does', async (name, expected) => {
    const tensors = await read(await file(name));
    for (const [tensor, { shape, values }] of Object.entries(expected)) {
      expect([tensor, tensors[tensor]]).toEqual([tensor, { shape, values: values.map(number) }]);
    }
    expect(Object.keys(tensors).sort()).toEqual(Object.keys(expected).sort());
  });

  it('reads the one checkpoint in a wheel or ZIP, stored or compressed', async () => {
    const content = await file('plain.pth');
    const other = { name: 'x/LICENSE', content: Buffer.from('free') };
    for (const method of ['store', 'deflate'] as const) {
      const wheel = makeZip([other, { name: 'x/weights.pth', content, method }]);
      expect(await read(wheel)).toEqual(await read(content));
    }
    const tensors = { name: 'model.safetensors', content: await file('types.safetensors') };
    expect(Object.keys(await read(makeZip([tensors])))).toContain('a.bfloat16');
    expect(await refusal(makeZip([other]))).toMatch(/no \.pth, \.pt or \.safetensors in it/);
    const two = [{ name: 'a.pth', content }, tensors];
    expect(await refusal(makeZip(two))).toMatch(/2 checkpoints in it: a\.pth, model\.safetensors\. Unpack/);
    const nested = makeZip([{ name: 'a.pth', content: makeZip([{ name: 'b.pth', content }]) }]);
    expect(await refusal(nested)).toMatch(/no checkpoint that can be read/);
  });

  it('refuses a whole network, and says how to save its weights', async () => {
    const message = await refusal(await file('module.pth'));
    expect(message).toContain('"torch.nn.modules.linear.Linear"');
    expect(message).toContain("torch.save(model.state_dict(), 'weights.pth')");
    expect(await refusal(await file('script.pth'))).toMatch(/TorchScript.*state_dict/);
  });

  it.each([
    ['calls a function', 'cos\nsystem\n(U\x02lstR.', /"os\.system", and nothing of a file is executed/],
    ['makes an object', '\x80\x02ctorch\nSize\n)\x81.', /0x81 \(NEWOBJ\) at byte 15/],
    ['has an opcode of the future', '\x80\x02\xff.', /0xff \(unknown\)/],
    ['is cut off', '\x80\x02}', /ends in the middle/],
    ['declares more than there is', '\x80\x02X\xff\xff\xff\x7fabc.', /ends in the middle/],
    ['declares a negative length', '\x80\x02T\xff\xff\xff\xffabc.', /ends in the middle/],
    ['takes from an empty stack', '\x80\x02\x86.', /stack is empty/],
    ['remembers what is not there', '\x80\x02h\x07.', /refers to something/],
    ['appends to a dict', '\x80\x02}Na.', /appended to no list/],
    ['has a dict with half an item', '\x80\x02(U\x01ad.', /key without a value/],
    ['holds no tensors', '\x80\x02}U\x05epochK\x07s.', /no dict of named tensors/],
    ['holds a list', '\x80\x02](K\x01K\x02e.', /no dict of named tensors/],
    ['refers to a module', '\x80\x02(U\x06moduletQ.', /no storage of a tensor/],
    ['has an integer of many digits', `L${'9'.repeat(500)}\n.`, /an integer is none/],
    ['never ends', `\x80\x02${'N'.repeat(1_100_000)}`, /more than 1000000 steps/],
    [
      'copies a list over and over',
      `\x80\x02](${'))\x86'.repeat(2000)}eq\x010${'ccollections\nOrderedDict\nh\x01\x85R0'.repeat(2000)}.`,
      /steps/,
    ],
  ])('refuses a pickle that %s', async (_what, pickle, reason) => {
    expect(await refusal(withPickle(pickle))).toMatch(reason);
  });

  it('is not impressed by cycles and depth', async () => {
    const cycle = '\x80\x02}q\x00U\x01ah\x00sU\x01bh\x00s.';
    expect(await refusal(withPickle(cycle))).toMatch(/no dict of named tensors/);
    const deep = `\x80\x02${']'.repeat(200_000)}${'a'.repeat(199_999)}.`;
    expect(await refusal(withPickle(deep))).toMatch(/no dict of named tensors/);
  });

  it.each([
    ['reaches beyond its storage', [4, 1, [4], [1]], /reach beyond its storage/],
    ['is far too large', [4, 0, [2 ** 31, 2 ** 31, 2 ** 31], [2 ** 31, 1, 1]], /reach beyond/],
    ['repeats one number', [4, 0, [1000, 1000], [0, 0]], /repeats elements/],
    ['has half a shape', [4, 0, [2, 2], [1]], /reach beyond/],
    ['says more than the file has', [2 ** 40, 0, [4], [2 ** 36]], /cut off/],
    ['has a negative offset', [4, -1, [4], [1]], /offset is no count/],
    ['has a negative stride', [4, 3, [4], [-1]], /stride is no count/],
  ] as const)('refuses a tensor that %s', async (_what, [elements, offset, size, strides], reason) => {
    const data = { name: 'archive/data/0', content: Buffer.alloc(16) };
    expect(await refusal(withPickle(tensorPickle(elements, offset, size, strides), data))).toMatch(reason);
  });

  it('refuses what an archive may do', async () => {
    const data = { name: 'archive/data/0', content: Buffer.alloc(16) };
    const pickle = tensorPickle(4, 0, [4], [1]);
    expect((await read(withPickle(pickle, data)))['a.b']?.values).toEqual([0, 0, 0, 0]);
    expect(await refusal(withPickle(pickle))).toMatch(/lacks "archive\/data\/0"/);
    expect(await refusal(withPickle(pickle, data, data))).toMatch(/twice/);
    const big = { name: 'archive/byteorder', content: Buffer.from('big') };
    expect(await refusal(withPickle(pickle, data, big))).toMatch(/big-endian/);
    const bomb = { name: 'a.pth', content: Buffer.alloc(1 << 20) };
    expect(await refusal(makeZip([bomb]))).toMatch(/unpacks from \d+ to 1048576 bytes/);
    expect(await refusal(makeZip([{ ...bomb, claims: { size: 2 ** 32 - 2 } }]))).toMatch(/unpacks from/);
    const content = await file('plain.pth');
    expect(await refusal(makeZip([{ name: 'a.pth', content, claims: { crc: 1 } }]))).toMatch(/checksum/);
    expect(await refusal(makeZip([{ name: 'a.pth', content, claims: { size: 9000 } }]))).toMatch(/damaged/);
    expect(await refusal(makeZip([{ name: 'a.pth', content, encrypted: true }]))).toMatch(/encrypted/);
  });

  it.each([
    ['is no JSON', 'x', /not a JSON object/],
    ['has no tensors', '{"__metadata__":{}}', /no tensors/],
    ['has an entry of another form', '{"a":{"dtype":"F32"}}', /type, shape and place of "a"/],
    ['has another type', '{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}', /F8_E4M3/],
    ['points beyond the file', '{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,36]}}', /does not fit/],
    ['contradicts itself', '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}', /does not fit/],
    ['is far too large', '{"a":{"dtype":"F32","shape":[1e300,1e300],"data_offsets":[0,8]}}', /"a"/],
  ])('refuses safetensors whose header %s', async (_what, header, reason) => {
    const length = Buffer.alloc(8);
    length.writeUInt32LE(header.length.valueOf() + 1);
    expect(await refusal(Buffer.concat([length, Buffer.from(`{${header.slice(1)} `), Buffer.alloc(8)]))).toMatch(
      reason,
    );
  });

  it.each(['', 'hello', `${'a'.repeat(257)}ustar${'b'.repeat(300)}`, '\x80\x02.', 'PK\x03\x04'])(
    'refuses another kind of file: %j',
    async (text) => {
      expect(await refusal(Buffer.from(text, 'latin1'))).not.toBe('');
    },
  );

  it.each(['plain.pth', 'legacy.pth', 'permuted-legacy.pth', 'types.safetensors', 'wrapped.pth'])(
    'fails on damaged bytes of %s as on any other file',
    async (name) => {
      const original = await file(name);
      const byte = fc.record({ at: fc.nat(original.length - 1), value: fc.nat(255) });
      const changes = fc.record({
        bytes: fc.array(byte, { minLength: 1, maxLength: 6 }),
        length: fc.nat(original.length),
      });
      const cut = fc.boolean();
      await fc.assert(
        fc.asyncProperty(changes, cut, async ({ bytes, length }, isCut) => {
          const damaged = Buffer.from(isCut ? original.subarray(0, length) : original);
          for (const { at, value } of bytes) if (at < damaged.length) damaged[at] = value;
          try {
            const tensors = await readCheckpoint(bufferSource(damaged));
            for (const [tensor, stored] of tensors) await stored.values(tensor);
            recognize(tensors);
          } catch (error) {
            if (!(error instanceof ModelError)) throw error;
          }
        }),
        { numRuns: 300 },
      );
    },
  );
});
