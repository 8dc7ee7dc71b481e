/**
 * What an app prints on an actor's thread leaves it at once. Node sends the first write of a turn and keeps the others
 * until the main thread has asked for more, so that of a thread that hangs, or runs out of memory, only the first of its
 * last words would be seen.
 */
import type { Writable } from 'node:stream'

/** Of one stream that the main thread has not taken, bytes: an app that floods loses lines, not memory. */
export const OUTPUT_WAITING_BYTES_MAX = 4 * 1024 * 1024

/** What each write costs those who keep it and pass it on, besides its bytes: many short lines are a flood, too. */
export const OUTPUT_WRITE_COST_BYTES = 128

/** Call it once on an actor's thread, before its app prints. */
export function sendOutputAtOnce(streams: readonly Writable[] = [process.stdout, process.stderr]): void {
  for (const stream of streams) sendAtOnce(stream)
}

type Chunk = { readonly chunk: unknown; readonly encoding: BufferEncoding }

function sendAtOnce(stream: Writable): void {
  // Node's own streams of a thread have only this of the two ways to write.
  const send = stream._writev?.bind(stream)
  if (send === undefined) return
  let waitingBytes = 0
  let dropped = 0
  const pass = (chunks: Chunk[]) => {
    const bytes = chunks.reduce((sum, { chunk }) => sum + OUTPUT_WRITE_COST_BYTES + sizeOf(chunk), 0)
    waitingBytes += bytes
    // Called back when the main thread asks for more, which is when it has taken these.
    send(chunks, () => {
      waitingBytes -= bytes
    })
  }
  stream._writev = (chunks, taken) => {
    if (waitingBytes >= OUTPUT_WAITING_BYTES_MAX) dropped += chunks.length
    else {
      if (dropped > 0) pass([{ chunk: droppedText(dropped), encoding: 'utf8' }])
      dropped = 0
      pass(chunks)
    }
    taken()
  }
}

function droppedText(count: number): string {
  return `[${count} writes were dropped here: more than ${OUTPUT_WAITING_BYTES_MAX} bytes waited to be printed]\n`
}

/** Characters of a text, which are its bytes for the most part: a bound need not be exact. */
function sizeOf(chunk: unknown): number {
  return typeof chunk === 'string' || chunk instanceof Uint8Array ? chunk.length : 0
}
