/**
 * What requests and responses are from their first moment. Express gives each of them a prototype of its own, as the first
 * thing it does. Up to Node 22, V8 shares no layout among objects that went through that: each member that is set
 * afterwards makes a layout for this one object, so that no code is ever compiled for it and every access has to be looked
 * up. Where an app is known to do so its messages have these prototypes already, and it finds nothing to change.
 */
import { IncomingMessage, ServerResponse } from 'node:http'

/** The prototypes that an app gives to its messages. They are read for each message: an app may replace its own. */
export interface MessagePrototypes {
  readonly request: object
  readonly response: object
}

/** Makes messages. */
export class MessageMaker {
  readonly #prototypes: () => MessagePrototypes | null
  readonly #requests = new Kind<IncomingMessage>(IncomingMessage)
  readonly #responses = new Kind<ServerResponse>(ServerResponse)

  /** @param prototypes null as long as the app takes node's own */
  constructor(prototypes: () => MessagePrototypes | null) {
    this.#prototypes = prototypes
  }

  /** @param socket anything that does what is asked of a net.Socket */
  request(socket: unknown): IncomingMessage {
    const prototypes = this.#prototypes()
    if (prototypes === null) return new IncomingMessage(socket as never)
    return new (this.#requests.withPrototype(prototypes.request))(socket)
  }

  response(request: IncomingMessage): ServerResponse {
    const prototypes = this.#prototypes()
    if (prototypes === null) return new ServerResponse(request)
    return new (this.#responses.withPrototype(prototypes.response))(request)
  }
}

type MadeOf<Message> = new (argument: unknown) => Message

/** One of node's classes, and what makes its objects with the prototype that was asked for last. */
class Kind<Message extends object> {
  readonly #base: MadeOf<Message>
  #prototype: object
  #made: MadeOf<Message>

  constructor(base: unknown) {
    this.#base = base as MadeOf<Message>
    this.#prototype = this.#base.prototype
    this.#made = this.#base
  }

  /** @returns a class whose objects have that prototype; node's own when that can't be one of theirs */
  withPrototype(prototype: object): MadeOf<Message> {
    if (prototype !== this.#prototype) {
      this.#prototype = prototype
      this.#made = mayBegin(prototype, this.#base) ? madeWith(this.#base, prototype) : this.#base
    }
    return this.#made
  }
}

/** Whether making an object with that prototype is the same as giving it to the object afterwards. */
function mayBegin(prototype: object, base: MadeOf<object>): boolean {
  const members = Reflect.ownKeys(new base({}))
  let at: object | null = prototype
  for (; at !== null && at !== base.prototype; at = Object.getPrototypeOf(at)) {
    const added: object = at
    // Node would set it through what the app has put in its place.
    if (members.some(key => Object.hasOwn(added, key))) return false
  }
  return at !== null
}

interface Room {
  _: undefined
}

/** By a function, since the prototype of a class can't be chosen. */
function madeWith<Message>(base: MadeOf<Message>, prototype: object): MadeOf<Message> {
  function Made(this: Room, argument: unknown, isRoomOnly = false): void {
    Reflect.apply(base, this, [argument])
    if (!isRoomOnly) return
    // Never run. V8 reserves room in an object for as many assignments as it reads in its constructor, and the members
    // that don't fit go to an array that grows by three of them at a time: both messages took 2.4 us to make, not 0.2.
    this._ = this._ = this._ = this._ = this._ = this._ = this._ = undefined
    this._ = this._ = this._ = this._ = this._ = this._ = this._ = undefined
    this._ = this._ = this._ = this._ = this._ = this._ = this._ = undefined
    this._ = this._ = this._ = this._ = this._ = this._ = this._ = undefined
    this._ = this._ = this._ = this._ = this._ = this._ = this._ = undefined
    this._ = this._ = this._ = this._ = this._ = this._ = this._ = undefined
  }
  Made.prototype = prototype
  return Made as unknown as MadeOf<Message>
}
