/** An Express 5 app as its users know it: middleware, callbacks, `session.save` before a redirect, an error handler. */
import express, { type NextFunction, type Request, type Response } from 'express'
import type {} from './counter.js'

const app = express()
app.use(express.urlencoded({ extended: false }))

app.get('/', (req, res) => {
  if (req.session === undefined) throw new Error('no session')
  req.session.count = (req.session.count ?? 0) + 1
  res.send(String(req.session.count))
})
app.get('/id', (req, res) => {
  res.send(req.sessionID)
})
app.post('/login', (req, res, next) => {
  req.session?.regenerate(error => {
    if (error) return next(error)
    if (req.session !== undefined) req.session.user = String(req.body.user)
    req.session?.save(failure => {
      if (failure) return next(failure)
      res.redirect('/whoami')
    })
  })
})
app.get('/whoami', (req, res) => {
  res.json({ user: req.session?.user ?? null })
})
app.post('/logout', (req, res, next) => {
  req.session?.destroy(error => {
    if (error) return next(error)
    res.sendStatus(204)
  })
})
app.get('/fail', async () => {
  throw new Error('for the error handler')
})
app.use((error: Error, _req: Request, res: Response, _next: NextFunction) => {
  res.status(418).send(error.message)
})

export default app
