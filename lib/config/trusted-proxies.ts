/** Which proxies are believed by `listen.trustProxy`, for whoever decides by it: protocol of a request, client in the log. */
import proxyAddr from 'proxy-addr'
import type { TrustProxy } from './schema.js'

/**
 * Whether the machine at this address is believed; peers at a unix socket have none, and are on this machine.
 * @param hop 0 for the peer, 1 for whom the peer names, ...
 */
export type Trust = (address: string | undefined, hop: number) => boolean

const LOOPBACK = '127.0.0.1'

/** @returns null when nobody is believed, so that nothing has to be looked at */
export function trustOf(config: TrustProxy): Trust | null {
  if (config === false) return null
  if (config === true) return () => true
  if (typeof config === 'number') return (_, hop) => hop < config
  const trusts = proxyAddr.compile([...config])
  return (address, hop) => trusts(address ?? LOOPBACK, hop)
}
