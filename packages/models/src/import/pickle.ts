/*
 * Python's pickle, as far as a checkpoint needs it: a stack machine that builds numbers, strings, lists, tuples, dicts and
 * tensors. Nothing in the file is executed: a class or function is only a name, which is compared with those of
 * pickle-values.ts, and every other name or opcode is refused. Opcodes: CPython's Lib/pickletools.py.
 *
 * Bounds: each step adds at most one value, there are at most MAX_STEPS, and no declared length is believed before that
 * many bytes are there. There is no recursion, so nesting and cycles cost nothing; readers of the result walk to a fixed depth.
 */
import { refused } from './byte-source.js';
import {
  PickleDict,
  WEIGHTS_ALONE,
  called,
  corrupt,
  knownName,
  storageOf,
  type FindStorage,
  type PickleValue,
} from './pickle-values.js';

export const MAX_PICKLE_BYTES = 1 << 24;
const MAX_STEPS = 1_000_000;
const MAX_INTEGER_BYTES = 64;
const MAX_LINE_BYTES = 1000;

const mark = Symbol('mark');
type Item = PickleValue | typeof mark;

/** Reads the pickle at `start`. Returns its value and where it ends. Throws ModelError. */
export function unpickle(bytes: Buffer, start: number, findStorage: FindStorage): { value: PickleValue; end: number } {
  const machine = new Machine(bytes, start, findStorage);
  return { value: machine.run(), end: machine.at };
}

class Machine {
  readonly #stack: Item[] = [];
  readonly #memo = new Map<number, PickleValue>();
  #stepsLeft = MAX_STEPS;

  constructor(
    private readonly bytes: Buffer,
    public at: number,
    private readonly findStorage: FindStorage,
  ) {}

  run(): PickleValue {
    for (;;) {
      this.#spend(1);
      const code = this.take(1).toString('latin1');
      if (code === '.') return this.pop();
      const result = (opcodes.get(code) ?? refuse)(this, code);
      if (result !== undefined) this.#stack.push(result);
    }
  }

  take(length: number): Buffer {
    if (length < 0 || this.at + length > this.bytes.length) throw corrupt('it ends in the middle');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  line(): string {
    const end = this.bytes.subarray(this.at, this.at + MAX_LINE_BYTES).indexOf('\n');
    if (end < 0) throw corrupt('a line has no end');
    return this.take(end + 1).toString('utf8', 0, end);
  }

  pop(): PickleValue {
    const value = this.top();
    this.#stack.pop();
    return value;
  }

  popTwo(): [PickleValue, PickleValue] {
    const second = this.pop();
    return [this.pop(), second];
  }

  popMark(): PickleValue[] {
    const at = this.#stack.lastIndexOf(mark);
    if (at < 0) throw corrupt('a mark is missing');
    return this.#stack.splice(at).slice(1) as PickleValue[];
  }

  /** Takes away one value, or a mark. */
  drop(): Item | undefined {
    if (this.#stack.pop() === undefined) throw corrupt('its stack is empty');
    return undefined;
  }

  top(): PickleValue {
    const value = this.#stack.at(-1);
    if (value === undefined || value === mark) throw corrupt('its stack is empty');
    return value;
  }

  append(values: readonly PickleValue[]): Item | undefined {
    const list = this.top();
    if (!Array.isArray(list)) throw corrupt('something is appended to no list');
    for (const value of values) list.push(value);
    return undefined;
  }

  set(values: readonly PickleValue[]): Item | undefined {
    const dict = this.top();
    if (!(dict instanceof PickleDict)) throw corrupt('an item is set in no dict');
    dict.set(values);
    return undefined;
  }

  /** An ordered dict's attributes, such as the `_metadata` of a state dict, are of no use here. */
  ignoreAttributes(): Item | undefined {
    this.pop();
    if (!(this.top() instanceof PickleDict)) throw corrupt('attributes are set on something that has none');
    return undefined;
  }

  memorize(index = this.#memo.size): Item | undefined {
    this.#memo.set(index, this.top());
    return undefined;
  }

  recall(index: number): PickleValue {
    const value = this.#memo.get(index);
    if (value === undefined) throw corrupt('it refers to something that it does not have');
    return value;
  }

  name(): PickleValue {
    const [module, name] = this.popTwo();
    if (typeof module !== 'string' || typeof name !== 'string') throw corrupt('a class has no name');
    return knownName(module, name);
  }

  call(): PickleValue {
    const [callable, args] = this.popTwo();
    // The only call whose work is not bounded by the bytes that it took.
    if (Array.isArray(args) && Array.isArray(args[0])) this.#spend(args[0].length);
    return called(callable, args);
  }

  storage(): PickleValue {
    return storageOf(this.pop(), this.findStorage);
  }

  #spend(steps: number): void {
    this.#stepsLeft -= steps;
    if (this.#stepsLeft < 0) throw refused(`its pickle takes more than ${MAX_STEPS} steps. ${WEIGHTS_ALONE}`);
  }
}

/** Returns the value that goes on the stack; undefined for none. */
type Opcode = (machine: Machine, code: string) => Item | undefined;

const opcodes: ReadonlyMap<string, Opcode> = new Map<string, Opcode>([
  // PROTO and FRAME say what a reader may ignore.
  ['\x80', (machine) => void machine.take(1)],
  ['\x95', (machine) => void machine.take(8)],
  ['(', () => mark],
  // POP, POP_MARK
  ['0', (machine) => machine.drop()],
  ['1', (machine) => void machine.popMark()],
  // NONE, NEWTRUE, NEWFALSE
  ['N', () => null],
  ['\x88', () => true],
  ['\x89', () => false],
  // INT, LONG, BININT, BININT1, BININT2, LONG1, LONG4
  ['I', (machine) => integerOf(machine.line())],
  ['L', (machine) => integerOf(machine.line())],
  ['J', (machine) => machine.take(4).readInt32LE()],
  ['K', (machine) => machine.take(1).readUInt8()],
  ['M', (machine) => machine.take(2).readUInt16LE()],
  ['\x8a', (machine) => longOf(machine, machine.take(1).readUInt8())],
  ['\x8b', (machine) => longOf(machine, machine.take(4).readInt32LE())],
  // FLOAT, BINFLOAT
  ['F', (machine) => Number(machine.line())],
  ['G', (machine) => machine.take(8).readDoubleBE()],
  // BINSTRING and SHORT_BINSTRING of Python 2; BINUNICODE, SHORT_BINUNICODE, BINUNICODE8
  ['T', (machine) => machine.take(machine.take(4).readInt32LE()).toString('latin1')],
  ['U', (machine) => machine.take(machine.take(1).readUInt8()).toString('latin1')],
  ['X', (machine) => machine.take(machine.take(4).readUInt32LE()).toString('utf8')],
  ['\x8c', (machine) => machine.take(machine.take(1).readUInt8()).toString('utf8')],
  ['\x8d', (machine) => machine.take(Number(machine.take(8).readBigUInt64LE())).toString('utf8')],
  // EMPTY_TUPLE, TUPLE, TUPLE1, TUPLE2, TUPLE3
  [')', () => []],
  ['t', (machine) => machine.popMark()],
  ['\x85', (machine) => [machine.pop()]],
  ['\x86', (machine) => machine.popTwo()],
  [
    '\x87',
    (machine) => {
      const last = machine.popTwo();
      return [machine.pop(), ...last];
    },
  ],
  // EMPTY_LIST, LIST, APPEND, APPENDS
  [']', () => []],
  ['l', (machine) => machine.popMark()],
  ['a', (machine) => machine.append([machine.pop()])],
  ['e', (machine) => machine.append(machine.popMark())],
  // EMPTY_DICT, DICT, SETITEM, SETITEMS
  ['}', () => new PickleDict()],
  ['d', (machine) => new PickleDict().set(machine.popMark())],
  ['s', (machine) => machine.set(machine.popTwo())],
  ['u', (machine) => machine.set(machine.popMark())],
  // GET, BINGET, LONG_BINGET, PUT, BINPUT, LONG_BINPUT, MEMOIZE
  ['g', (machine) => machine.recall(Number(machine.line()))],
  ['h', (machine) => machine.recall(machine.take(1).readUInt8())],
  ['j', (machine) => machine.recall(machine.take(4).readUInt32LE())],
  ['p', (machine) => machine.memorize(Number(machine.line()))],
  ['q', (machine) => machine.memorize(machine.take(1).readUInt8())],
  ['r', (machine) => machine.memorize(machine.take(4).readUInt32LE())],
  ['\x94', (machine) => machine.memorize()],
  // GLOBAL, STACK_GLOBAL, REDUCE, BUILD, BINPERSID
  ['c', (machine) => knownName(machine.line(), machine.line())],
  ['\x93', (machine) => machine.name()],
  ['R', (machine) => machine.call()],
  ['b', (machine) => machine.ignoreAttributes()],
  ['Q', (machine) => machine.storage()],
]);

/** Opcodes that a pickle of other things may have. */
const otherOpcodes: Readonly<Record<string, string>> = {
  '2': 'DUP',
  B: 'BINBYTES',
  C: 'SHORT_BINBYTES',
  P: 'PERSID',
  S: 'STRING',
  V: 'UNICODE',
  i: 'INST',
  o: 'OBJ',
  '\x81': 'NEWOBJ',
  '\x82': 'EXT1',
  '\x83': 'EXT2',
  '\x84': 'EXT4',
  '\x8e': 'BINBYTES8',
  '\x8f': 'EMPTY_SET',
  '\x90': 'ADDITEMS',
  '\x91': 'FROZENSET',
  '\x92': 'NEWOBJ_EX',
  '\x96': 'BYTEARRAY8',
  '\x97': 'NEXT_BUFFER',
  '\x98': 'READONLY_BUFFER',
};

function refuse(machine: Machine, code: string): never {
  const hex = Buffer.from(code, 'latin1').toString('hex');
  throw refused(
    `its pickle has the opcode 0x${hex} (${otherOpcodes[code] ?? 'unknown'}) at byte ${machine.at - 1}, which no checkpoint of ` +
      `tensors, numbers, strings, lists and dicts needs. ${WEIGHTS_ALONE}`,
  );
}

function integerOf(line: string): PickleValue {
  // Protocols 0 and 1 write booleans so.
  if (line === '00' || line === '01') return line === '01';
  const digits = line.replace(/L$/, '');
  if (!/^-?\d{1,100}$/.test(digits)) throw corrupt('an integer is none');
  return smallest(BigInt(digits));
}

/** Little-endian two's complement. */
function longOf(machine: Machine, length: number): PickleValue {
  if (length > MAX_INTEGER_BYTES) throw corrupt('an integer is too long');
  if (length === 0) return 0;
  const hex = Buffer.from(machine.take(length)).reverse().toString('hex');
  return smallest(BigInt.asIntN(8 * length, BigInt(`0x${hex}`)));
}

function smallest(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
