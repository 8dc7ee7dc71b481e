/** Serves style.css, read once. */
import { readFileSync } from 'node:fs'

const CSS = readFileSync(new URL('style.css', import.meta.url), 'utf8')

/** Middleware. */
export function styles() {
  return (req, res, next) => {
    if (req.path !== '/style.css') return next()
    res.set('cache-control', 'max-age=300').type('css').send(CSS)
  }
}
