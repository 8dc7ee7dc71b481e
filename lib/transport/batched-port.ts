/** A MessagePort that sends what one tick produced as arrays: what makes a main-thread director fast. */
import type { MessagePort } from 'node:worker_threads'
import { asObjects, BatchReader, type WireForm } from './wire-form.js'

/**
 * Messages in a batch, at most: the other end begins with the first of them while this one makes the next. Threads that
 * hand each other whole ticks wait for each other in turns: with 64 connections an eighth more requests than without.
 */
const MESSAGES_MAX = 8

/** An empty batch. */
const NUDGE: readonly unknown[] = []

/** How messages travel in both directions. */
export interface WireForms<In, Out> {
  readonly incoming: WireForm<In>
  readonly outgoing: WireForm<Out>
}

/** One end of a conversation: posts `Out`, receives `In`. */
export class BatchedPort<In, Out> {
  /** Called for each message in order. Set it before the first message is due. */
  onmessage: ((message: In) => void) | null = null
  /** The other end called {@link nudge}. */
  onnudge: (() => void) | null = null
  /** A batch could not be posted or read. Without a listener the error is thrown, and ends the thread. */
  onerror: ((error: unknown) => void) | null = null
  /** The other end closed, or its thread ended. */
  onclose: (() => void) | null = null

  readonly #port: MessagePort
  readonly #incoming: WireForm<In>
  readonly #outgoing: WireForm<Out>
  readonly #flushLater = () => {
    this.#isFlushDue = false
    this.flush()
  }
  #batch: unknown[] = []
  #messages = 0
  #isFlushDue = false
  #transfers: ArrayBuffer[] = []
  #closed = false

  /** @param forms the same at both ends; each message as an object by default */
  constructor(port: MessagePort, forms?: WireForms<In, Out>) {
    this.#port = port
    this.#incoming = forms?.incoming ?? asObjects()
    this.#outgoing = forms?.outgoing ?? asObjects()
    port.on('message', batch => this.#receive(batch))
    port.on('messageerror', error => this.#fail(error))
    port.on('close', () => {
      this.#closed = true
      this.onclose?.()
    })
  }

  /**
   * Adds a message to this tick's batch. After {@link close} it is dropped: nobody is there.
   * @param transfer a buffer in the message that moves to the other end instead of being copied
   */
  post(message: Out, transfer?: ArrayBuffer): void {
    if (this.#closed) return
    if (!this.#isFlushDue) {
      this.#isFlushDue = true
      setImmediate(this.#flushLater)
    }
    this.#outgoing.write(message, this.#batch)
    if (transfer !== undefined) this.#transfers.push(transfer)
    if (++this.#messages === MESSAGES_MAX) this.flush()
  }

  /** Sends what has been collected now, for those who are about to end. */
  flush(): void {
    if (this.#batch.length === 0 || this.#closed) return
    const batch = this.#batch
    const transfers = this.#transfers
    this.#batch = []
    this.#messages = 0
    this.#transfers = []
    try {
      this.#port.postMessage(batch, transfers)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Wakes the other end at once, without a message: there is something for it elsewhere. */
  nudge(): void {
    if (!this.#closed) this.#port.postMessage(NUDGE)
  }

  /** Sends what is left and closes both ends. Idempotent. */
  close(): void {
    if (this.#closed) return
    this.flush()
    this.#closed = true
    this.#port.close()
  }

  /** Lets the thread end although this port is open. */
  unref(): void {
    this.#port.unref()
  }

  /** A message whose handling throws does not take the rest of its batch with it. */
  #receive(batch: unknown): void {
    if (!Array.isArray(batch)) {
      this.#fail(new TypeError(`a batch of messages was expected, but ${typeof batch} came`))
      return
    }
    if (batch.length === 0) this.onnudge?.()
    const reader = new BatchReader(batch)
    while (!reader.done) {
      const message = this.#incoming.read(reader)
      try {
        this.onmessage?.(message)
      } catch (error) {
        this.#fail(error)
      }
    }
  }

  #fail(error: unknown): void {
    if (this.onerror !== null) this.onerror(error)
    else throwLater(error)
  }
}

/** Makes it an uncaught error out of this call stack, so that the rest of a batch is still handled. */
export function throwLater(error: unknown): void {
  setImmediate(() => {
    throw error
  })
}
