/**
 * Which of what proxies say about a request is believed, by `listen.trustProxy`. The headers themselves go to the app
 * as they are: its framework has rules of its own.
 */
import type { TrustProxy } from '../../config/schema.js'
import { type Trust, trustOf } from '../../config/trusted-proxies.js'
import type { RequestHead } from '../../transport/exchange-messages.js'

/** The rules of one listener section. */
export class ProxyTrust {
  readonly #trusts: Trust

  private constructor(trusts: Trust) {
    this.#trusts = trusts
  }

  /** @returns null when nobody is believed, so that nothing has to be looked at */
  static of(config: TrustProxy): ProxyTrust | null {
    const trusts = trustOf(config)
    return trusts === null ? null : new ProxyTrust(trusts)
  }

  /**
   * Whether the client's own connection is encrypted: what a trusted peer says of it in X-Forwarded-Proto (its first
   * value, as Express has it) or Forwarded, otherwise what the peer's connection is.
   */
  isEncrypted(head: RequestHead): boolean {
    if (!this.#trusts(head.remoteAddress, 0)) return head.encrypted
    const proto = firstOf(headerOf(head, 'x-forwarded-proto')) ?? this.#forwardedProto(head)
    return proto === null ? head.encrypted : proto.toLowerCase() === 'https'
  }

  /** The protocol in the farthest element that trusted machines have added, if it has one: each adds its own at the end. */
  #forwardedProto(head: RequestHead): string | null {
    let proto: string | null = null
    let speaker = head.remoteAddress
    for (const [hop, element] of forwardedOf(head).reverse().entries()) {
      if (!this.#trusts(speaker, hop)) break
      proto = element.proto ?? proto
      speaker = element.for ?? ''
    }
    return proto
  }
}

/** @param trust null when nobody is believed */
export function isEncrypted(head: RequestHead, trust: ProxyTrust | null): boolean {
  return trust === null ? head.encrypted : trust.isEncrypted(head)
}

/** One element of a Forwarded header (RFC 7239), as far as it is of use here. */
interface ForwardedElement {
  readonly proto: string | null
  readonly for: string | null
}

function forwardedOf(head: RequestHead): ForwardedElement[] {
  const elements = splitUnquoted(headerOf(head, 'forwarded') ?? '', ',')
  return elements.filter(isNotBlank).map(element => {
    const found = new Map<string, string>()
    for (const pair of splitUnquoted(element, ';')) {
      const equals = pair.indexOf('=')
      if (equals > 0)
        found.set(pair.slice(0, equals).trim().toLowerCase(), unquoted(pair.slice(equals + 1).trim()))
    }
    const address = found.get('for')
    return { proto: found.get('proto') ?? null, for: address === undefined ? null : withoutPort(address) }
  })
}

/**
 * Splits a text where the separator stands outside of quotes: a proxy may quote what its client has written.
 * @returns nothing when a quote does not end, since all that follows would then be the client's as well
 */
function splitUnquoted(text: string, separator: string): string[] {
  const parts: string[] = []
  let from = 0
  let isQuoted = false
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (char === '"') isQuoted = !isQuoted
    else if (isQuoted && char === '\\') at++
    else if (!isQuoted && char === separator) {
      parts.push(text.slice(from, at))
      from = at + 1
    }
  }
  return isQuoted ? [] : [...parts, text.slice(from)]
}

function unquoted(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value
}

function isNotBlank(text: string): boolean {
  return text.trim() !== ''
}

/** `192.0.2.1:80` and `[2001:db8::1]:80` without their ports, and without brackets. */
function withoutPort(address: string): string {
  if (address.startsWith('[')) return address.slice(1, address.indexOf(']'))
  return address.split(':').length === 2 ? (address.split(':')[0] ?? '') : address
}

/** The first value of a list in a header, null when there is none. */
function firstOf(header: string | null): string | null {
  const first = header?.split(',').find(isNotBlank)
  return first?.trim() ?? null
}

/** All headers of that name in one, as they are in order. */
function headerOf({ rawHeaders }: RequestHead, name: string): string | null {
  let all: string | null = null
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const found = rawHeaders[at]
    if (found?.length !== name.length || found.toLowerCase() !== name) continue
    const value = rawHeaders[at + 1] ?? ''
    all = all === null ? value : `${all}, ${value}`
  }
  return all
}
