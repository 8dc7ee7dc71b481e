/**
 * How the old owner of partitions passes their live sessions to the new one: over a port of their own for each handover,
 * past the director. Everything is in the new owner's hands before it is assigned the partitions, without waiting: it
 * was posted before the old owner said that it gave them up.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { SessionCopy } from '../replication/copy.js'
import type { HandedOver } from '../replication/handed-over.js'

/** Copies in one message: bounds what is cloned in one go. */
const COPIES_PER_MESSAGE_MAX = 256

/** The old owner's end. */
export class HandoverOut {
  readonly #port: MessagePort
  readonly #bytesOf: (copy: SessionCopy) => number
  #roomBytes: number

  /**
   * @param roomBytes what the new owner can take
   * @param bytesOf what a copy takes of that
   */
  constructor(port: MessagePort, roomBytes: number, bytesOf: (copy: SessionCopy) => number) {
    this.#port = port
    this.#roomBytes = roomBytes
    this.#bytesOf = bytesOf
  }

  /** Sends what there is room for; the rest is left to be looked up. */
  send({ copies, ...partition }: HandedOver): void {
    let batch: SessionCopy[] = []
    for (const copy of copies) {
      const bytes = this.#bytesOf(copy)
      if (bytes > this.#roomBytes) continue
      this.#roomBytes -= bytes
      batch.push(copy)
      if (batch.length < COPIES_PER_MESSAGE_MAX) continue
      this.#post({ ...partition, copies: batch })
      batch = []
    }
    // Also when there are none: that too need not be looked for.
    this.#post({ ...partition, copies: batch })
  }

  close(): void {
    this.#port.close()
  }

  #post(message: HandedOver): void {
    this.#port.postMessage(message)
  }
}

/** The new owner's ends, by the number of the handover. */
export class HandoversIn {
  readonly #ports = new Map<number, MessagePort>()

  /** @param port null when nothing will come of that handover */
  expect(handover: number, port: MessagePort | null): void {
    this.#ports.get(handover)?.close()
    if (port === null) this.#ports.delete(handover)
    else this.#ports.set(handover, port)
  }

  /** @returns everything that came with a handover, which is over then */
  take(handover: number): HandedOver[] {
    const port = this.#ports.get(handover)
    const received: HandedOver[] = []
    if (port === undefined) return received
    for (;;) {
      const next: { readonly message: HandedOver } | undefined = receiveMessageOnPort(port)
      if (next === undefined) break
      received.push(next.message)
    }
    this.expect(handover, null)
    return received
  }

  close(): void {
    for (const port of this.#ports.values()) port.close()
    this.#ports.clear()
  }
}
