// A queue of jobs by fastify and BullMQ, as their documentation shows them: what
// the benchmark compares Spillway with.
//
//   node peer.js api <port> <port of Redis>
//   node peer.js worker <port of Redis> <jobs at once>
//
// The api checks nothing and knows no callers; the worker does nothing.
import Fastify from 'fastify'
import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'

const [role, ...args] = process.argv.slice(2)
const connect = (port) => new Redis({ host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null })

async function api (port, redis) {
  const queue = new Queue('jobs', { connection: connect(redis) })
  const server = Fastify()
  server.post('/jobs', async (request, reply) => {
    const job = await queue.add('job', request.body)
    reply.code(202)
    return { id: job.id }
  })
  server.get('/jobs/:id', async (request, reply) => {
    const job = await queue.getJob(request.params.id)
    if (!job) return reply.code(404).send()
    return { id: job.id, state: await job.getState(), input: job.data, result: job.returnvalue }
  })
  server.get('/jobs/:id/state', async (request, reply) => {
    return { id: request.params.id, state: await queue.getJobState(request.params.id) }
  })
  await server.listen({ host: '127.0.0.1', port: Number(port) })
}

function work (redis, atOnce) {
  return new Worker('jobs', async () => {}, { connection: connect(redis), concurrency: Number(atOnce) })
}

switch (role) {
  case 'api':
    await api(...args)
    break
  case 'worker':
    await work(...args).waitUntilReady()
    break
  default:
    console.error('say api or worker')
    process.exit(2)
}
