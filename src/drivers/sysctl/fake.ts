import { createMemoryDriver, type MemoryDriver } from '#drivers/memory-driver.ts';
import type { Sysctl } from '#node-state/link.ts';

/** Parameters in memory. */
export function createFakeSysctlDriver(): MemoryDriver<Sysctl> {
  return createMemoryDriver<Sysctl>(['sysctl']);
}
