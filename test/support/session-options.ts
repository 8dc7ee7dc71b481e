/** The options of the session contract as express-session takes them. */
import type { SessionOptions } from 'express-session'
import { NAME, type Options, OTHER, SECRET } from './session-contract.js'

/** Without a store, which is each subject's own. */
export const expressOptions: Readonly<Record<Options, SessionOptions>> = {
  usual: { name: NAME, secret: SECRET, resave: false, saveUninitialized: false },
  other: { name: NAME, resave: false, saveUninitialized: false, ...OTHER, cookie: { ...OTHER.cookie } },
}
