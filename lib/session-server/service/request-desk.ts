/** Serves the requests of other hosts: lets in who has a key, and brings them to the session server that they ask for. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { commonMinor, type Health, isProtocolVersion, PROTOCOL_VERSION } from '../protocol/version.js'
import type { SessionServer } from '../session-server.js'
import { Admission, type Admitted } from './admission.js'
import { AnswerWriter } from './answer-writer.js'
import type { ServiceLimits } from './limits.js'
import { handOn, messagesIn, parsed } from './message-part.js'
import { type MessageStream, MessageStreams } from './message-streams.js'
import type { ServiceOptions } from './options.js'
import { type Refusals, TOLD_REFUSALS, type ToldRefusal, type UntoldRefusal } from './refusals.js'
import { type Body, declaredLength, readBody } from './request-body.js'
import { type Resource, resourceOf } from './resources.js'

/** Longest name of a client, characters. */
const CLIENT_NAME_MAX = 256

/** One admitted request. */
interface Visit {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly admitted: Admitted
}

type ResourceOf<Kind extends Resource['kind']> = Extract<Resource, { readonly kind: Kind }>

export class RequestDesk {
  readonly #servers: ReadonlyMap<string, SessionServer>
  readonly #limits: ServiceLimits
  readonly #refusals: Refusals
  readonly #admission: Admission
  readonly #streams: MessageStreams
  /** Session servers whose failure is being waited for, and which of them have failed. */
  readonly #watched = new WeakSet<SessionServer>()
  readonly #failed = new WeakSet<SessionServer>()
  #requests = 0
  #bufferedBytes = 0
  #admitted = 0
  #messages = 0
  #bytesIn = 0

  constructor({ servers, keys, limits }: ServiceOptions, refusals: Refusals) {
    this.#servers = servers
    this.#limits = limits
    this.#refusals = refusals
    this.#admission = new Admission(keys, limits, Date.now())
    this.#streams = new MessageStreams(limits.streams)
  }

  /** Admitted requests being served. */
  get requests(): number {
    return this.#requests
  }

  /** Open streams. */
  get streams(): number {
    return this.#streams.size
  }

  /** Requests admitted so far. */
  get admitted(): number {
    return this.#admitted
  }

  /** Messages handed to session servers so far. */
  get messages(): number {
    return this.#messages
  }

  /** Bytes of admitted bodies so far. */
  get bytesIn(): number {
    return this.#bytesIn
  }

  /** Ends every stream. */
  close(): void {
    this.#streams.end()
  }

  /** Serves one request to its end. Never rejects. */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const verdict = this.#admission.admit(request, Date.now())
    if (!('admitted' in verdict)) {
      this.#turnAway(request, response, verdict.refused as UntoldRefusal)
      return
    }
    const visit = { request, response, admitted: verdict.admitted }
    this.#admitted++
    this.#requests++
    try {
      if (verdict.refused !== null || this.#requests > this.#limits.requests)
        await this.#refuse(visit, 'busy')
      else await this.#admit(visit)
    } catch (error) {
      // A session server that throws is broken; this request's stream ends with its connection, the others live on.
      process.emitWarning(error instanceof Error ? error : String(error))
      response.destroy()
    } finally {
      this.#requests--
    }
  }

  async #admit(visit: Visit): Promise<void> {
    const length = declaredLength(visit.request)
    if (length === null) return await this.#refuse(visit, 'lengthRequired')
    if (length > this.#limits.bodyBytes) return await this.#refuse(visit, 'tooLarge')
    if (this.#bufferedBytes + length > this.#limits.bufferedBytes) return await this.#refuse(visit, 'busy')
    const resource = resourceOf(visit.admitted.method, visit.admitted.target)
    if (resource === null) return await this.#refuse(visit, 'notFound')
    this.#bufferedBytes += length
    try {
      await this.#bring(visit, resource)
    } finally {
      this.#bufferedBytes -= length
    }
  }

  async #bring(visit: Visit, resource: Resource): Promise<void> {
    if (resource.kind === 'health') {
      if ((await this.#body(visit)) !== null) await this.#answer(visit, this.#health())
      return
    }
    const server = this.#servers.get(resource.server)
    if (server === undefined) return await this.#refuse(visit, 'notFound')
    this.#watch(server)
    if (this.#failed.has(server)) return await this.#refuse(visit, 'lost')
    switch (resource.kind) {
      case 'stats':
        if ((await this.#body(visit)) !== null) await this.#answer(visit, await server.stats())
        return
      case 'fences':
        if ((await this.#body(visit)) !== null) await this.#answer(visit, await server.fences())
        return
      case 'open':
        return await this.#open(visit, resource, server)
      default:
        return await this.#useStream(visit, resource, server)
    }
  }

  #health(): Health {
    const isUp = (server: SessionServer): boolean => !this.#failed.has(server)
    const servers = [...this.#servers].filter(([, server]) => isUp(server)).map(([name]) => name)
    return { protocol: PROTOCOL_VERSION, servers, limits: { bodyBytes: this.#limits.bodyBytes } }
  }

  async #open(visit: Visit, { server: name }: ResourceOf<'open'>, server: SessionServer): Promise<void> {
    const body = await this.#body(visit)
    if (body === null) return
    const opening = parsed(body.toString('utf8')) as
      | { client?: unknown; protocol?: unknown }
      | null
      | undefined
    const { client, protocol } = opening ?? {}
    if (typeof client !== 'string' || client.length > CLIENT_NAME_MAX || !isProtocolVersion(protocol)) {
      return await this.#refuse(visit, 'malformed')
    }
    const minor = commonMinor(protocol)
    if (minor === null) return await this.#refuse(visit, 'version')
    const stream = this.#streams.open(client, name, server, Date.now())
    if (stream === null) return await this.#refuse(visit, 'busy')
    await this.#answer(visit, { stream: stream.id, minor })
  }

  async #useStream(
    visit: Visit,
    resource: ResourceOf<'probe' | 'end' | 'messages'>,
    server: SessionServer,
  ): Promise<void> {
    const stream = this.#streams.get(resource.stream, resource.server, server)
    if (stream === null) return await this.#refuse(visit, 'streamEnded')
    stream.use(Date.now())
    switch (resource.kind) {
      case 'probe':
        if ((await this.#body(visit)) !== null) await this.#answer(visit, {})
        return
      case 'end':
        if ((await this.#body(visit)) === null) return
        stream.end()
        return await this.#answer(visit, {})
      case 'messages':
        return await this.#messagesOf(visit, stream, resource.number)
    }
  }

  /** Whatever goes wrong with one part ends the stream: the parts behind it must not be applied without it. */
  async #messagesOf(visit: Visit, stream: MessageStream, number: number): Promise<void> {
    const body = await this.#body(visit)
    const messages = body === null ? null : messagesIn(body)
    if (body === null || messages === null) {
      stream.end()
      if (body !== null) await this.#refuse(visit, 'malformed')
      return
    }
    // Both ways: a peer that went away gets no more answers, and a stream that ended cuts its peer off.
    const { response } = visit
    const onGone = (): void => {
      if (!response.writableFinished) stream.end()
    }
    response.once('close', onGone)
    if (response.destroyed) stream.end()
    if (!(await stream.turn(number))) return await this.#refuse(visit, 'streamEnded')
    const gone = new Promise<void>(resolve => response.once('close', resolve))
    const takeBack = stream.onceOver(() => response.destroy())
    this.#messages += messages.length
    const writer = this.#writer(visit, 200)
    await Promise.race([handOn(messages, stream, writer), gone])
    takeBack()
    if (!response.destroyed) await writer.end()
  }

  /** @returns the body, or null when it was refused: the answer was given then */
  async #body(visit: Visit): Promise<Buffer | null> {
    const { request, response, admitted } = visit
    const body: Body = await readBody(request, {
      digest: admitted.digest,
      timeoutMs: this.#limits.bodyTimeoutMs,
    })
    if ('bytes' in body) {
      this.#bytesIn += body.bytes.length
      return body.bytes
    }
    if (body.refused === 'alteredBody') this.#turnAway(request, response, 'alteredBody')
    else {
      if (body.refused !== 'aborted') this.#refusals.count(body.refused, Date.now())
      request.destroy()
    }
    return null
  }

  async #answer(visit: Visit, answer: unknown): Promise<void> {
    const writer = this.#writer(visit, 200)
    writer.write(answer)
    await writer.end()
  }

  /** A refusal that the sender is told, since it has a key. Its body is not read any further. */
  async #refuse(visit: Visit, refusal: ToldRefusal): Promise<void> {
    this.#refusals.count(refusal, Date.now())
    const { status, code } = TOLD_REFUSALS[refusal]
    if (!visit.request.complete) visit.response.setHeader('connection', 'close')
    const writer = this.#writer(visit, status)
    writer.write({ code, protocol: PROTOCOL_VERSION })
    await writer.end()
  }

  /** The same answer whatever was wrong, and the end of the connection. */
  #turnAway(request: IncomingMessage, response: ServerResponse, refusal: UntoldRefusal): void {
    this.#refusals.count(refusal, Date.now())
    response.writeHead(401, { connection: 'close', 'content-length': 0 })
    response.end(() => request.destroy())
  }

  #writer({ response, admitted }: Visit, status: number): AnswerWriter {
    return new AnswerWriter(response, {
      seal: admitted.seal,
      status,
      stallTimeoutMs: this.#limits.bodyTimeoutMs,
      onStall: () => this.#refusals.count('slow', Date.now()),
    })
  }

  /** A session server that fails is lost to its streams at once, and to every later request. */
  #watch(server: SessionServer): void {
    if (this.#watched.has(server)) return
    this.#watched.add(server)
    void server.failed.then(() => {
      this.#failed.add(server)
      this.#streams.end(server)
    })
  }
}
