/**
 * A Duplex whose stream state is only made when somebody looks at it. Most requests are answered by one `end()` and never
 * touch their connection as a stream; making the state of one for each took 1 us of the 8 that a request costs here.
 */
import { EventEmitter } from 'node:events'
import { Duplex, type DuplexOptions } from 'node:stream'

const kMade = Symbol('made')

/** What a lazy stream has besides. */
export interface Waiting {
  /** `writableLength` as long as the state has not been made. */
  waitingLength: number
}

interface Lazy extends Duplex {
  [kMade]: boolean
  waitingLength: number
  _readableState: unknown
  _writableState: unknown
}

/** @returns a class to extend; what its instances are as a Duplex is made by {@link makeStream} or at the first look */
export function lazyDuplex(options: DuplexOptions): new () => Duplex & Waiting {
  function LazyDuplex(this: Lazy): void {
    this[kMade] = false
    this.waitingLength = 0
  }
  LazyDuplex.prototype = Object.create(Duplex.prototype, {
    constructor: { value: LazyDuplex, writable: true, configurable: true },
    [kOptions]: { value: options },
    on: listening('on'),
    addListener: listening('addListener'),
    off: listening('off'),
    removeListener: listening('removeListener'),
    _readableState: state('_readableState'),
    _writableState: state('_writableState'),
    readable: beforeMade('readable', () => true),
    writable: beforeMade('writable', () => true),
    destroyed: beforeMade('destroyed', () => false),
    readableHighWaterMark: beforeMade('readableHighWaterMark', () => options.highWaterMark),
    writableLength: beforeMade('writableLength', lazy => lazy.waitingLength),
  })
  // A class to its users, a function so that it need not run the constructor of what it extends.
  return LazyDuplex as unknown as new () => Duplex & Waiting
}

const kOptions = Symbol('options')

/** Whether a lazy stream's state has been made. */
export function isMade(stream: Duplex): boolean {
  return (stream as Lazy)[kMade]
}

/** Makes a lazy stream's state. Idempotent. */
export function makeStream(stream: Duplex): void {
  const lazy = stream as Lazy & { [kOptions]: DuplexOptions }
  if (lazy[kMade]) return
  lazy[kMade] = true
  // Its own from here on, in place of the accessors.
  for (const name of ['_readableState', '_writableState']) {
    Object.defineProperty(lazy, name, {
      value: undefined,
      writable: true,
      configurable: true,
      enumerable: true,
    })
  }
  Reflect.apply(Duplex, lazy, [lazy[kOptions]])
}

/** A stream looks at its state when it gets a listener, or loses one, but only those who read change anything. */
function listening(name: 'on' | 'addListener' | 'off' | 'removeListener'): PropertyDescriptor {
  const plain = EventEmitter.prototype[name]
  const ofStreams = Duplex.prototype[name]
  function value(this: Lazy, event: string | symbol, listener: Listener): unknown {
    const method = this[kMade] || event === 'data' || event === 'readable' ? ofStreams : plain
    return Reflect.apply(method, this, [event, listener])
  }
  return { value, writable: true, configurable: true }
}

type Listener = (...args: unknown[]) => void

function state(name: '_readableState' | '_writableState'): PropertyDescriptor & ThisType<Lazy> {
  return {
    get() {
      makeStream(this)
      return this[name]
    },
    configurable: true,
  }
}

/** A property of all streams, with what it is as long as nothing has happened. */
function beforeMade(name: string, value: (lazy: Lazy) => unknown): PropertyDescriptor & ThisType<Lazy> {
  const original = propertyOf(Duplex.prototype, name)
  return {
    get() {
      return this[kMade] ? original.get?.call(this) : value(this)
    },
    set(to: unknown) {
      // Not makeStream: whoever extends this may have put something off until the state is looked at.
      void this._readableState
      original.set?.call(this, to)
    },
    configurable: true,
  }
}

function propertyOf(prototype: object | null, name: string): PropertyDescriptor {
  for (let at = prototype; at !== null; at = Object.getPrototypeOf(at)) {
    const property = Object.getOwnPropertyDescriptor(at, name)
    if (property !== undefined) return property
  }
  throw new TypeError(`streams of this version of Node.js have no ${name}`)
}
