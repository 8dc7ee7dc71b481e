-- The load of the bench. wrk gives each of its threads a Lua state of its own, and tells a script nothing of connections:
-- a session stays on its connection only where a thread has a single connection. Arguments, after "--":
--   1  file with one Cookie header a line, or "none"
--   2  threads of wrk
--   3  requests a second of each thread, 0 for as many as it can; only with one connection a thread
--   4  "close" to end each connection with its request, or "keep"
local ffi = require('ffi')
ffi.cdef [[
  typedef struct { long seconds; long nanoseconds; } clock_reading;
  int clock_gettime(int clock, clock_reading *reading);
]]
local MONOTONIC, PROCESS_CPU = 1, 2
local reading = ffi.new('clock_reading')

local function microseconds(clock)
  ffi.C.clock_gettime(clock, reading)
  return tonumber(reading.seconds) * 1e6 + tonumber(reading.nanoseconds) / 1e3
end

local threads = {}

function setup(thread)
  thread:set('index', #threads)
  table.insert(threads, thread)
end

-- Every so many lines of the file, from this thread's own on: no session is with two threads.
local function own_cookies(file, count)
  local own, line = {}, 0
  for cookie in io.lines(file) do
    if line % count == index then table.insert(own, cookie) end
    line = line + 1
  end
  return own
end

-- Requests at a constant rate. What the server delays is counted from the moment a request was due, not from when it was
-- sent, so that a stall shows in all requests that it held up. wrk asks right after each response how long to wait.
local function pace(rate, count)
  local interval = 1e6 / rate
  local due, sent_at = nil, nil
  latencies = {}
  function delay()
    local now = microseconds(MONOTONIC)
    if due == nil then
      due = now + interval * (0.5 + index / count)
    else
      table.insert(latencies, now - sent_at)
      due = due + interval
    end
    if due <= now then
      sent_at = due
      return 0
    end
    -- wrk's timers count milliseconds: the rounding is the load's own, and no delay of the server.
    local wait = math.floor((due - now) / 1e3 + 0.5)
    sent_at = now + wait * 1e3
    return wait
  end
end

function init(arguments)
  began = microseconds(MONOTONIC)
  local file, count, rate, connection = arguments[1], tonumber(arguments[2]), tonumber(arguments[3]), arguments[4]
  if connection == 'close' then wrk.headers['Connection'] = 'close' end
  if rate > 0 then pace(rate, count) end
  if file == 'none' then return end
  local cookies = own_cookies(file, count)
  -- One session: its request is put together once, and no Lua runs while wrk sends it.
  wrk.headers['Cookie'] = cookies[1]
  if #cookies <= 1 then return end
  local requests, turn = {}, 0
  for position, cookie in ipairs(cookies) do
    wrk.headers['Cookie'] = cookie
    requests[position] = wrk.format()
  end
  function request()
    turn = turn % #requests + 1
    return requests[turn]
  end
end

local function percentiles(at)
  return string.format('{"p50":%.1f,"p99":%.1f,"p999":%.1f}', at(50), at(99), at(99.9))
end

local function paced_latencies()
  local all = {}
  for _, thread in ipairs(threads) do
    for _, latency in ipairs(thread:get('latencies') or {}) do table.insert(all, latency) end
  end
  if #all == 0 then return 'null' end
  table.sort(all)
  return percentiles(function(percent) return all[math.max(1, math.ceil(#all * percent / 100))] end)
end

-- One line of JSON; times in microseconds. wrk's own duration begins once it has started its last thread; by then the
-- first ones have long sent requests, which it counts as well. On a busy machine that doubles the figures, and more.
function done(summary, latency)
  local errors = summary.errors
  local duration = microseconds(MONOTONIC) - threads[1]:get('began')
  io.write(string.format(
    'RESULT {"requests":%d,"duration":%d,"cpu":%d,"latency":%s,"paced":%s,' ..
      '"errors":{"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}}\n',
    summary.requests, duration, microseconds(PROCESS_CPU),
    percentiles(function(percent) return latency:percentile(percent) end), paced_latencies(),
    errors.connect, errors.read, errors.write, errors.status, errors.timeout
  ))
end
