/** Which vector instructions this processor has, and how its int8 products are summed. */
import { readFileSync } from 'node:fs';

/** Those of this machine, as `vectorInstructions` says them. */
export function ownVectorInstructions(): string {
  try {
    return vectorInstructions(readFileSync('/proc/cpuinfo', 'utf8'));
  } catch {
    return '';
  }
}

/**
 * The vector instructions that /proc/cpuinfo's text names, in alphabetical order; empty where it names none. A virtual machine's
 * model name may only be "AMD EPYC", for processors of four generations: what ONNX Runtime lays out for AVX-512 is wrong for
 * AVX2.
 */
export function vectorInstructions(info: string): string {
  const flags = /^(?:flags|Features)\s*:(.*)$/m.exec(info)?.[1]?.trim().split(/\s+/) ?? [];
  return [...new Set(flags)]
    .filter((flag) => /^(avx|amx|fma|f16c|sse4|asimd|sve|sme|i8mm|bf16)/.test(flag))
    .sort()
    .join(' ');
}

/**
 * Whether ONNX Runtime's sums of uint8 times int8 may saturate here: on x86 without VNNI, where a pair of products is added in
 * 16 bits. Where the instructions are unknown, they may. Source: MLAS's lib/platform.cpp, which chooses the kernels.
 */
export function int8MaySaturate(arch: string, instructions: string): boolean {
  return arch === 'x64' && !/\bavx(512)?_vnni\b/.test(instructions);
}
