/** The sessions of the cluster, seen from an app inside one of its web servers. */
import { storePlace } from '../web-server/sessions/store-place.js'
import type { SessionAccess } from './session-access.js'

/** @returns null outside of a web server. Inside, Troupe's own `req.session` steps aside on this thread. */
export function clusterSessions(): SessionAccess | null {
  const place = storePlace()
  place?.standAside()
  return place
}
