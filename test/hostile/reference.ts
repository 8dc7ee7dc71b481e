/**
 * A second opinion on what bytes mean: RFC 9112 read as strictly as it can be, written without regard to speed. What an app
 * sees must never be more than this finds.
 */

import { METHODS } from 'node:http'

/** One request. */
export interface ReferenceRequest {
  readonly method: string
  readonly target: string
  /** latin1. */
  readonly body: string
}

/** What bytes hold. */
export interface Reading {
  readonly requests: readonly ReferenceRequest[]
  /** `valid`: nothing else; `incomplete`: the beginning of another; `invalid`: something that is none. */
  readonly end: 'valid' | 'incomplete' | 'invalid'
  /** Of what is incomplete or invalid, when its head was whole and valid: an app may have been told of it. */
  readonly head: { readonly method: string; readonly target: string } | null
  /** The last request asks for the end of the connection. */
  readonly closes: boolean
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const LINE = /^([A-Z]+) +([\x21-\x7e]+) HTTP\/1\.([01])$/
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const CHUNK = /^([0-9A-Fa-f]{1,8})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?$/

/** @param text latin1 */
export function readStrictly(text: string): Reading {
  const requests: ReferenceRequest[] = []
  let at = 0
  let closes = false
  const over = (end: Reading['end'], head: Reading['head'] = null): Reading => ({
    requests,
    end,
    head,
    closes,
  })
  for (;;) {
    // Empty lines before a request are none of it, however they end (RFC 9112, 2.2): node's parser reads over all of it.
    while (text[at] === '\r' || text[at] === '\n') at++
    if (at === text.length) return over('valid')
    const headEnd = text.indexOf('\r\n\r\n', at)
    if (headEnd === -1) return over('incomplete')
    const head = headIn(text.slice(at, headEnd))
    if (head === null) return over('invalid')
    at = headEnd + 4
    const body = head.chunked ? chunksIn(text, at) : bytesIn(text, at, head.length)
    if (body === 'incomplete' || body === 'invalid') return over(body, head)
    requests.push({ method: head.method, target: head.target, body: body.body })
    at = body.end
    closes = head.closes
    if (closes) return over(at === text.length ? 'valid' : 'invalid')
  }
}

interface Head {
  readonly method: string
  readonly target: string
  readonly chunked: boolean
  readonly length: number
  readonly closes: boolean
}

function headIn(text: string): Head | null {
  const [first = '', ...lines] = text.split('\r\n')
  const line = LINE.exec(first)
  if (line === null) return null
  const [, method = '', target = '', minor] = line
  if (!METHODS.includes(method)) return null
  const headers: [string, string][] = []
  for (const each of lines) {
    const colon = each.indexOf(':')
    const [name, value] = [each.slice(0, colon), each.slice(colon + 1)]
    if (colon === -1 || !TOKEN.test(name) || !VALUE.test(value)) return null
    headers.push([name.toLowerCase(), value.replace(/^[ \t]+|[ \t]+$/g, '')])
  }
  const all = (wanted: string) => headers.filter(([name]) => name === wanted).map(([, value]) => value)
  const [hosts, lengths, codings] = [all('host'), all('content-length'), all('transfer-encoding')]
  if (hosts.length > 1 || (minor === '1' && hosts.length === 0)) return null
  if (lengths.length > 1 || codings.length > 1 || (lengths.length > 0 && codings.length > 0)) return null
  if (lengths.some(value => !/^\d{1,15}$/.test(value))) return null
  if (codings.some(value => value.toLowerCase() !== 'chunked' || minor === '0')) return null
  const options = all('connection').flatMap(value => value.toLowerCase().split(/[ \t]*,[ \t]*/))
  const closes = options.includes('close') || (minor === '0' && !options.includes('keep-alive'))
  return { method, target, chunked: codings.length > 0, length: Number(lengths[0] ?? 0), closes }
}

type Body = { readonly body: string; readonly end: number } | 'incomplete' | 'invalid'

function bytesIn(text: string, at: number, length: number): Body {
  return at + length > text.length ? 'incomplete' : { body: text.slice(at, at + length), end: at + length }
}

function chunksIn(text: string, begin: number): Body {
  let at = begin
  let body = ''
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at)
    if (lineEnd === -1) return 'incomplete'
    const chunk = CHUNK.exec(text.slice(at, lineEnd))
    if (chunk === null) return 'invalid'
    const size = Number.parseInt(chunk[1] ?? '', 16)
    at = lineEnd + 2
    if (size === 0) return trailersIn(text, at, body)
    if (at + size + 2 > text.length) return text.length > at + size ? crOf(text, at + size) : 'incomplete'
    if (!text.startsWith('\r\n', at + size)) return 'invalid'
    body += text.slice(at, at + size)
    at += size + 2
  }
}

function crOf(text: string, at: number): 'incomplete' | 'invalid' {
  return text[at] === '\r' ? 'incomplete' : 'invalid'
}

function trailersIn(text: string, begin: number, body: string): Body {
  if (text.startsWith('\r\n', begin)) return { body, end: begin + 2 }
  const end = text.indexOf('\r\n\r\n', begin)
  if (end === -1) return 'incomplete'
  const lines = text.slice(begin, end).split('\r\n')
  const isFine = lines.every(line => {
    const colon = line.indexOf(':')
    return colon > 0 && TOKEN.test(line.slice(0, colon)) && VALUE.test(line.slice(colon + 1))
  })
  return isFine ? { body, end: end + 4 } : 'invalid'
}
