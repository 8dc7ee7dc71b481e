/**
 * What Troupe publishes on `node:diagnostics_channel`, for tracers and for programs that measure for themselves; on the
 * director's thread, which is the main thread. Nothing is made of it while nobody has subscribed.
 *
 * | channel | when | message |
 * |---|---|---|
 * | `troupe:request:start` | the front has a request's head | {@link RequestMessage} |
 * | `troupe:request:end` | its answer is out, refused or cut, or its client gone | the same object, complete |
 * | `troupe:takeover` | the partitions of a lost web server have new owners | {@link TakeoverMessage} |
 * | `troupe:handover` | partitions have moved between two web servers that live | {@link HandoverMessage} |
 */
import { channel } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import type { Observed } from './measured.js'

/** One object for the whole life of a request: subscribers may keep things by it. */
export interface RequestMessage {
  /** As the front's listener got it: method, url, headers, socket. Only to be read. */
  readonly request: IncomingMessage
  /** The web server that answered, null before the end, and when none did. */
  webServer: string | null
  /** First digit of the answer's status: 2 for 2xx; 0 when nothing was answered. */
  statusClass: number
  /** From its head to its end, ms; 0 before that. */
  durationMs: number
}

/** As the cluster's event `takeover`. */
export type TakeoverMessage = Omit<Extract<Observed, { readonly type: 'takeover' }>, 'type'>
/** As the cluster's event `handover`. */
export type HandoverMessage = Omit<Extract<Observed, { readonly type: 'handover' }>, 'type'>

const requestStart = channel('troupe:request:start')
const requestEnd = channel('troupe:request:end')
const takeover = channel('troupe:takeover')
const handover = channel('troupe:handover')

/** @returns what is to be given to {@link publishRequestEnd}, undefined when nobody listens */
export function publishRequestStart(request: IncomingMessage): RequestMessage | undefined {
  if (!requestStart.hasSubscribers && !requestEnd.hasSubscribers) return undefined
  const message: RequestMessage = { request, webServer: null, statusClass: 0, durationMs: 0 }
  requestStart.publish(message)
  return message
}

export function publishRequestEnd(
  message: RequestMessage,
  end: Pick<RequestMessage, 'webServer' | 'statusClass' | 'durationMs'>,
): void {
  requestEnd.publish(Object.assign(message, end))
}

/** Publishes what is observed, as far as there is a channel for it. */
export function publishObserved({ type, ...message }: Observed): void {
  if (type === 'takeover') takeover.publish(message)
  else if (type === 'handover') handover.publish(message)
}
