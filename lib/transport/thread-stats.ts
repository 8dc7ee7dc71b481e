/** What every actor can tell of its own thread. */
import { performance } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'

/** Heap and event loop of one thread. */
export interface ThreadStats {
  readonly heapUsedBytes: number
  readonly heapTotalBytes: number
  /** What the heap may grow to. */
  readonly heapLimitBytes: number
  /** Time in which its event loop worked since the thread began, ms. */
  readonly loopActiveMs: number
  /** Time in which it waited, ms. */
  readonly loopIdleMs: number
}

/** Asks V8 and libuv about the calling thread; some microseconds. */
export function threadStats(): ThreadStats {
  const { used_heap_size, total_heap_size, heap_size_limit } = getHeapStatistics()
  const { active, idle } = performance.eventLoopUtilization()
  return {
    heapUsedBytes: used_heap_size,
    heapTotalBytes: total_heap_size,
    heapLimitBytes: heap_size_limit,
    loopActiveMs: active,
    loopIdleMs: idle,
  }
}
