/**
 * What streams have in common whose state is only made when somebody looks at it: the front's requests and a web server's
 * connections. Each is a class by a function, which need not run the constructor of what it extends; on its prototype
 * stand the properties below until the stream is made, and afterwards what a stream has of its own.
 */
import { EventEmitter } from 'node:events'
import type { Readable } from 'node:stream'

/** Whether the state has been made. */
export const kMade = Symbol('made')

/** A stream that may not have been made. Looking at its state makes it. */
export interface LazyStream {
  [kMade]: boolean
  _readableState: unknown
}

const LISTENING = ['on', 'addListener', 'off', 'removeListener'] as const

/**
 * A stream looks at its state when it gets a listener, or loses one, but only those who read change anything.
 * @param extended the prototype of what is extended
 * @returns the methods that add and remove listeners
 */
export function listening(extended: Readable): Record<string, PropertyDescriptor> {
  return Object.fromEntries(LISTENING.map(name => [name, listeningBy(name, extended)]))
}

function listeningBy(name: (typeof LISTENING)[number], extended: Readable): PropertyDescriptor {
  const plain = EventEmitter.prototype[name]
  const ofStreams = extended[name]
  function value(this: LazyStream, event: string | symbol, listener: (...args: unknown[]) => void): unknown {
    const method = this[kMade] || event === 'data' || event === 'readable' ? ofStreams : plain
    return Reflect.apply(method, this, [event, listener])
  }
  return { value, writable: true, configurable: true }
}

/**
 * @param extended the prototype of what is extended
 * @param before what the property is as long as the stream has not been made
 * @returns a property that all streams have
 */
export function beforeMade<Lazy extends LazyStream>(
  extended: Readable,
  name: string,
  before: (lazy: Lazy) => unknown,
): PropertyDescriptor & ThisType<Lazy> {
  const original = inherited(extended, name)
  return {
    get() {
      return this[kMade] ? original.get?.call(this) : before(this)
    },
    set(value: unknown) {
      // Whoever extends this may have put something off until the state is looked at.
      void this._readableState
      original.set?.call(this, value)
    },
    configurable: true,
  }
}

/** Gives a stream a property of its own, in place of the prototype's. */
export function own(stream: object, name: string, value: unknown): void {
  Object.defineProperty(stream, name, { value, writable: true, configurable: true, enumerable: true })
}

function inherited(extended: object, name: string): PropertyDescriptor {
  for (let at: object | null = extended; at !== null; at = Object.getPrototypeOf(at)) {
    const property = Object.getOwnPropertyDescriptor(at, name)
    if (property !== undefined) return property
  }
  throw new TypeError(`streams of this version of Node.js have no ${name}`)
}
