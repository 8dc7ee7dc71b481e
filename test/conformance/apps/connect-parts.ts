/** Middleware in the form (request, response, next), which Express, Connect and plain node share. */
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createProxyMiddleware } from 'http-proxy-middleware'
import multer from 'multer'
import { Passport } from 'passport'
import { Strategy } from 'passport-local'
import { note } from './journal.js'
import type { Place } from './place.js'

/** Users of every app: their name is their password's second half. */
export const isRight = (user: string, password: string) => password === `secret of ${user}`

/** What an upload or a raw body is known by. */
export const digest = (bytes: Buffer) => `${bytes.length} ${createHash('sha1').update(bytes).digest('hex')}`

/** Files in memory, in the order of their arrival, at most 8 MiB each. */
export const upload = multer({ limits: { fileSize: 8 * 1024 * 1024, files: 5 } })

/** A kilobyte is enough for anybody. */
export const smallUpload = multer({ limits: { fileSize: 1024 } })

interface Uploaded {
  readonly fieldname: string
  readonly originalname: string
  readonly mimetype: string
  readonly buffer: Buffer
}

/** @returns an upload as the apps answer it */
export function uploaded(files: unknown, fields: unknown): unknown {
  const list = (files ?? []) as Uploaded[]
  return {
    fields,
    files: list.map(({ fieldname, originalname, mimetype, buffer }) => {
      return { fieldname, originalname, mimetype, digest: digest(buffer) }
    }),
  }
}

/** passport with passport-local over the session of the request. */
export function passportOf() {
  const passport = new Passport()
  passport.use(
    new Strategy((user, password, done) => done(null, isRight(user, password) ? { id: user } : false)),
  )
  passport.serializeUser((user, done) => done(null, (user as { id: string }).id))
  passport.deserializeUser((id: string, done) => done(null, { id }))
  return passport
}

/** Passes on what is below `/proxy` to the upstream. */
export function proxy({ upstream }: Place) {
  return createProxyMiddleware<IncomingMessage, ServerResponse>({
    target: upstream,
    changeOrigin: true,
    pathRewrite: { '^/proxy': '' },
  })
}

/** The Accept-free stream of three events, then the end; with a key it goes on until the client leaves. */
export function serverSentEvents(req: IncomingMessage, res: ServerResponse): void {
  const key = new URL(req.url ?? '', 'http://localhost').searchParams.get('key')
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' })
  res.flushHeaders()
  let sent = 0
  const timer = setInterval(() => {
    res.write(`id: ${++sent}\ndata: {"tick":${sent}}\n\n`)
    if (key !== null || sent < 3) return
    clearInterval(timer)
    res.end()
  }, 5)
  req.on('close', () => {
    clearInterval(timer)
    if (key !== null) note(key, 'the client has left')
  })
}

/** Large enough for every compression's threshold, and no file. */
export const LONG_TEXT = 'All work and no play makes Jack a dull boy.\n'.repeat(200)
