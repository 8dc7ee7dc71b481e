/**
 * What each thread of a cluster under measurement has in memory. Loaded into every thread of its process by `--import`;
 * answers whoever asks on a BroadcastChannel.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import { BroadcastChannel, threadId } from 'node:worker_threads'

/** One thread, after a full garbage collection when that was asked for. */
export interface ThreadFigures {
  readonly thread: number
  readonly role: string
  /** Objects that are alive, bytes. */
  readonly heapUsedBytes: number
  /** What V8 holds for them, bytes. */
  readonly heapTotalBytes: number
  /** Buffers, outside of the heap, bytes. */
  readonly externalBytes: number
  /** How long the full collection took, ms; 0 when there was none. */
  readonly collectionMs: number
  /** Longest time that the event loop was late since it was last asked, ms. */
  readonly loopDelayMaxMs: number
}

/** On the channel. */
export type FiguresMessage =
  /** To one thread, or to all of them. */
  | { readonly type: 'ask'; readonly thread: number | null; readonly collect: boolean }
  | { readonly type: 'figures'; readonly figures: ThreadFigures }

export const FIGURES_CHANNEL = 'troupe bench: thread figures'

const NS_PER_MS = 1e6
const LOOP_RESOLUTION_MS = 5
/** Shared by all that is loaded into a thread, whichever way it was loaded. */
const ROLE = Symbol.for('troupe bench: role of this thread')
const thread: { [ROLE]?: string; gc?: (() => void) | undefined } = globalThis

/** Says what this thread is; a thread with no name is a session server's. */
export function nameThread(role: string): void {
  thread[ROLE] = role
}

/** Answers from here on. */
export function answerFigures(): void {
  const delays = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
  delays.enable()
  const channel = new BroadcastChannel(FIGURES_CHANNEL)
  // The types are those of the Web; the channel is Node's own.
  const node = channel as BroadcastChannel & { unref(): void }
  node.unref()
  node.onmessage = (event: unknown) => {
    const { data } = event as { readonly data: FiguresMessage }
    if (data.type !== 'ask' || (data.thread ?? threadId) !== threadId) return
    channel.postMessage({ type: 'figures', figures: figuresOf(data.collect, delays.max / NS_PER_MS) })
    delays.reset()
  }
}

function figuresOf(collect: boolean, loopDelayMaxMs: number): ThreadFigures {
  const from = performance.now()
  if (collect) thread.gc?.()
  const collectionMs = collect ? performance.now() - from : 0
  const { used_heap_size, total_heap_size, external_memory } = getHeapStatistics()
  return {
    thread: threadId,
    role: thread[ROLE] ?? 'session server',
    heapUsedBytes: used_heap_size,
    heapTotalBytes: total_heap_size,
    externalBytes: external_memory,
    collectionMs,
    loopDelayMaxMs,
  }
}
