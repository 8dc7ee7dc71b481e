/** Which requests the admin listener refuses: those that some web page made a browser send. */

import type { IncomingHttpHeaders } from 'node:http'
import { BlockList, isIP } from 'node:net'

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** @returns why the request is refused, or null when it may pass. */
export function refusal({ host, origin, ...headers }: IncomingHttpHeaders): string | null {
  // A page at evil.example whose name now resolves to 127.0.0.1 sends its own name here: DNS rebinding.
  if (!isLoopback(host)) return 'The Host header names no loopback address.'
  // Programs send no Origin; a browser adds it to every request of a page's that can change something.
  if (origin !== undefined) return 'Requests of web pages are refused: there is an Origin header.'
  // A page on another port of this machine is "same-site": that is the app's, which must not reach this listener either.
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'none' && site !== 'same-origin') {
    return `Requests of other web pages are refused: Sec-Fetch-Site is ${site}.`
  }
  return null
}

function isLoopback(host: string | undefined): boolean {
  const name = /^(\[[^\]]+\]|[^:]+)(:\d+)?$/.exec(host ?? '')?.[1]?.replace(/^\[|\]$/g, '')
  if (name === undefined) return false
  if (name.toLowerCase() === 'localhost') return true
  const version = isIP(name)
  return version !== 0 && LOOPBACK.check(name, version === 4 ? 'ipv4' : 'ipv6')
}
