/**
 * The control plane over Comlink: typed calls from the director to an actor that always settle. Each has a deadline
 * and races the actor's end, since a Comlink call to a thread that has ended would stay pending for ever. The only
 * file that touches Comlink.
 */
import { MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import * as Comlink from 'comlink'
import { ActorEndedError, ControlDeadlineError, UnknownControlMethodError } from './control-errors.js'
import { fromWireError, toWireError, type WireError } from './wire-error.js'

/** The methods of an actor's control interface as seen from afar: the same, and always asynchronous. */
export type ControlCalls<T> = {
  readonly [M in keyof T]: T[M] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never
}

/** The control interface `T` of an actor, with the deadline of {@link ControlOptions}, or another for some calls. */
export type Control<T> = ControlCalls<T> & {
  /** The same calls with their own deadline, for those that take long: start, release, flush, stop. */
  within(deadlineMs: number): ControlCalls<T>
}

/** Options of {@link controlOf}. */
export interface ControlOptions {
  /** The actor's name, for errors. */
  readonly name: string
  /** Settles when the actor has ended, with why: it becomes the cause of {@link ActorEndedError}. */
  readonly ended: Promise<unknown>
  /** Longest wait for an answer, ms. */
  readonly deadlineMs: number
}

/** Actor side: answers control calls with the methods of `api`. MessagePorts in arguments arrive as ports. */
export function exposeControl<T extends object>(port: MessagePort, api: T): void {
  const methods = api as Readonly<Record<string, unknown>>
  const answer: Answer = async (method, args) => {
    try {
      const run = methods[method]
      if (typeof run !== 'function' || method in Object.prototype) throw new UnknownControlMethodError(method)
      return { value: await run.apply(api, args) }
    } catch (error) {
      return { error: toWireError(error) }
    }
  }
  Comlink.expose(answer, port)
}

/**
 * Director side: the control interface of an actor. MessagePorts that are an argument, or a field or an element of
 * one, are transferred. Calls reject with what the actor threw (code, cause and fields kept), and else with
 * {@link ActorEndedError} or {@link ControlDeadlineError}. What an actor answered before its end counts, whichever of
 * the two is known first. The port is closed when the actor ends.
 */
export function controlOf<T extends object>(port: MessagePort, options: ControlOptions): Control<T> {
  const line = new ControlLine(port, options)
  const within = (deadlineMs: number): ControlCalls<T> =>
    methodsOf(
      method =>
        (...args: unknown[]) =>
          line.call(method, args, deadlineMs),
    ) as ControlCalls<T>
  const calls = within(options.deadlineMs)
  return methodsOf(method => (method === 'within' ? within : calls[method as keyof T])) as Control<T>
}

/** What crosses the port: the answer to one call. Errors travel as data, so Comlink's own error form is not used. */
type Outcome = { readonly value: unknown } | { readonly error: WireError }
type Answer = (method: string, args: unknown[]) => Promise<Outcome>

/** One actor's control port, and the calls that wait on it. */
class ControlLine {
  readonly #name: string
  readonly #remote: Comlink.Remote<Answer>
  readonly #waiting = new Set<{ readonly method: string; reject(error: Error): void }>()
  #over: { readonly why: unknown } | null = null

  constructor(port: MessagePort, options: ControlOptions) {
    this.#name = options.name
    this.#remote = Comlink.wrap<Answer>(port)
    const end = (why: unknown): void => {
      this.#over = { why }
      receiveAll(port)
      // A turn of the event loop later: Comlink hands on what was received in microtasks.
      setImmediate(() => this.#close(port, why))
    }
    options.ended.then(end, end)
  }

  #close(port: MessagePort, why: unknown): void {
    for (const call of this.#waiting) call.reject(new ActorEndedError(this.#name, call.method, why))
    this.#waiting.clear()
    this.#remote[Comlink.releaseProxy]()
    port.close()
  }

  call(method: string, args: readonly unknown[], deadlineMs: number): Promise<unknown> {
    if (this.#over !== null) return Promise.reject(new ActorEndedError(this.#name, method, this.#over.why))
    return new Promise((resolve, reject) => {
      const call = { method, reject: (error: Error) => settle(() => reject(error)) }
      const settle = (how: () => void): void => {
        clearTimeout(timer)
        this.#waiting.delete(call)
        how()
      }
      const timer = setTimeout(
        () => call.reject(new ControlDeadlineError(this.#name, method, deadlineMs)),
        deadlineMs,
      )
      this.#waiting.add(call)
      // Rejects only when the arguments or the result can't be cloned.
      this.#remote(method, Comlink.transfer([...args], portsIn(args))).then(
        outcome =>
          'error' in outcome
            ? call.reject(fromWireError(outcome.error))
            : settle(() => resolve(outcome.value)),
        call.reject,
      )
    })
  }
}

/**
 * Receives now what was posted to the port before. An actor's answer and its end come by two ports, and of two ports
 * the event loop may read the later message first.
 */
function receiveAll(port: MessagePort): void {
  for (;;) {
    const received = receiveMessageOnPort(port)
    if (received === undefined) return
    port.dispatchEvent(new MessageEvent('message', { data: received.message }))
  }
}

function portsIn(args: readonly unknown[]): MessagePort[] {
  const ports = new Set<MessagePort>()
  for (const arg of args) {
    const inside = typeof arg === 'object' && arg !== null ? Object.values(arg) : []
    for (const value of [arg, ...inside]) if (value instanceof MessagePort) ports.add(value)
  }
  return [...ports]
}

/** An object that has every method. It is no promise, so that it can be awaited and returned from async functions. */
function methodsOf(method: (name: string) => unknown): object {
  return new Proxy(Object.freeze({}), {
    get: (_, name) => (typeof name === 'symbol' || name === 'then' ? undefined : method(name)),
  })
}
