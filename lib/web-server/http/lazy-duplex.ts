/**
 * A Duplex whose stream state is only made when somebody looks at it. Most requests are answered by one `end()` and never
 * touch their connection as a stream; making the state of one for each took 1 us of the 8 that a request costs here.
 */
import { Duplex, type DuplexOptions } from 'node:stream'
import { beforeMade, kMade, type LazyStream, listening, own } from '../../transport/lazy-stream.js'

/** What a lazy stream has besides. */
export interface Waiting {
  /** `writableLength` as long as the state has not been made. */
  waitingLength: number
}

interface Lazy extends Duplex, LazyStream, Waiting {
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
    ...listening(Duplex.prototype),
    _readableState: state('_readableState'),
    _writableState: state('_writableState'),
    readable: before('readable', () => true),
    writable: before('writable', () => true),
    destroyed: before('destroyed', () => false),
    readableHighWaterMark: before('readableHighWaterMark', () => options.highWaterMark),
    writableLength: before('writableLength', lazy => lazy.waitingLength),
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
  own(lazy, '_readableState', undefined)
  own(lazy, '_writableState', undefined)
  Reflect.apply(Duplex, lazy, [lazy[kOptions]])
}

function before(name: string, value: (lazy: Lazy) => unknown): PropertyDescriptor {
  return beforeMade(Duplex.prototype, name, value)
}

function state(name: '_readableState' | '_writableState'): PropertyDescriptor & ThisType<Lazy> {
  return {
    get() {
      makeStream(this)
      return this[name]
    },
    configurable: true,
  }
}
