/** What a process uses while something runs. */

const MIB = 1024 * 1024
const SAMPLE_INTERVAL_MS = 20

/** Bytes, the most that was seen. */
export interface MemoryUse {
  readonly rss: number
  /** Of this thread: other threads' count in `rss` only. */
  readonly external: number
}

/** Samples the memory of this process, threads included, while `run` does. */
export async function peakMemory<T>(
  run: () => Promise<T>,
): Promise<{ result: T; before: MemoryUse; peak: MemoryUse }> {
  const before = memoryUse()
  let peak = before
  const sample = () => {
    const now = memoryUse()
    peak = { rss: Math.max(peak.rss, now.rss), external: Math.max(peak.external, now.external) }
  }
  const timer = setInterval(sample, SAMPLE_INTERVAL_MS)
  try {
    const result = await run()
    sample()
    return { result, before, peak }
  } finally {
    clearInterval(timer)
  }
}

/** @returns bytes as MiB, for people */
export function mib(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`
}

function memoryUse(): MemoryUse {
  const { rss, external } = process.memoryUsage()
  return { rss, external }
}
