/** The sessions of the cluster, seen from an app inside one of its web servers. */
import { standAside } from '../web-server/http/request-session.js'
import { currentSessionCalls } from '../web-server/sessions/session-calls.js'
import { storePlace } from '../web-server/sessions/store-place.js'
import { StoreNotReadyError } from './errors.js'
import type { SessionAccess } from './session-access.js'

/** Gives access once the app is loaded. @throws StoreNotReadyError before */
export type ClusterSessions = () => SessionAccess

/** @returns null outside of a web server. Inside, Troupe's own `req.session` steps aside on this thread. */
export function clusterSessions(): ClusterSessions | null {
  const place = storePlace()
  if (place === null) return null
  standAside()
  return () => {
    const calls = currentSessionCalls()
    if (calls === null) throw new StoreNotReadyError('This web server is still loading its app.')
    return { calls, ttlMs: place.ttlMs }
  }
}
