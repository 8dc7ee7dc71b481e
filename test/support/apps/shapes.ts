/** The apps of http-apps as one app of a cluster. */
import { allApps } from '../http-apps.js'

export const create = () => allApps()
