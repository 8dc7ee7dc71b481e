/** Which requests the admin listener refuses whoever makes them: those that some other web page made a browser send. */

import type { IncomingHttpHeaders } from 'node:http'
import { BlockList, isIP } from 'node:net'

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** What a request asks for, as far as browsers are concerned. */
export interface Asked {
  /** Nobody is asked for a token: then only this machine may ask. */
  readonly isOpen: boolean
  /** It belongs to the dashboard, whose own page may ask. Everything else is for programs. */
  readonly isDashboard: boolean
  /** It may change something. */
  readonly isChange: boolean
}

/** @returns why the request is refused, or null when it may pass. */
export function refusal(headers: IncomingHttpHeaders, asked: Asked): string | null {
  const { host, origin } = headers
  // A page at evil.example whose name now resolves to 127.0.0.1 sends its own name here: DNS rebinding.
  if (asked.isOpen && !isLoopback(host)) return 'The Host header names no loopback address.'
  // Programs send no Origin; a browser adds it to every request of a page's that can change something.
  const isOwnOrigin = origin !== undefined && hostOf(origin) === host?.toLowerCase()
  if (origin !== undefined && !(asked.isDashboard && isOwnOrigin)) {
    return 'Requests of web pages are refused: there is an Origin header.'
  }
  const site = headers['sec-fetch-site']
  // A page on another port of this machine is "same-site": that is the app's, which must not reach this listener either.
  if (site !== undefined && site !== 'none' && site !== 'same-origin' && !isVisit(headers, asked)) {
    return `Requests of other web pages are refused: Sec-Fetch-Site is ${site}.`
  }
  if (asked.isDashboard && asked.isChange && !isOwnOrigin && site !== 'same-origin') {
    return 'Only the dashboard may ask this here: there is neither its Origin nor Sec-Fetch-Site. Programs leave out the path of the dashboard.'
  }
  return null
}

/** Somebody followed a link to the dashboard: the page itself tells nothing. */
function isVisit(headers: IncomingHttpHeaders, { isDashboard, isChange }: Asked): boolean {
  const isNavigation = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document'
  return isDashboard && !isChange && isNavigation
}

/** @returns host and port of an origin, null when it has none */
function hostOf(origin: string): string | null {
  return /^https?:\/\/([^/]+)$/.exec(origin)?.[1]?.toLowerCase() ?? null
}

function isLoopback(host: string | undefined): boolean {
  const name = /^(\[[^\]]+\]|[^:]+)(:\d+)?$/.exec(host ?? '')?.[1]?.replace(/^\[|\]$/g, '')
  if (name === undefined) return false
  if (name.toLowerCase() === 'localhost') return true
  const version = isIP(name)
  return version !== 0 && LOOPBACK.check(name, version === 4 ? 'ipv4' : 'ipv6')
}
