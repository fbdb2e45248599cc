-- Read-only views of shared tables, errors caught and handled, and the start of each run. Frames of
-- this chunk are left out when the place of an error is told.
local natives = ...
local unwrap, thrown_at = natives.unwrap, natives.thrown_at
local error, type, tostring, setmetatable = error, type, tostring, setmetatable
local xpcall, rawset = xpcall, rawset
local loadstring, setfenv, collectgarbage = loadstring, setfenv, collectgarbage
local concat, byte = table.concat, string.byte
local READONLY = 'Attempt to modify a readonly table'

-- A view to the real table behind it.
local behind = {}

local function refuse()
  error(READONLY, 2)
end

local function view(real, read)
  local seen = {}
  behind[seen] = real
  local how = {__index = read or real, __newindex = refuse, __metatable = false}
  return setmetatable(seen, how), how
end

local function missing(_, name)
  error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
end

-- What the top of a run makes of any error: a table with its text and place.
local function handler(thrown)
  local is_over
  if type(thrown) == 'userdata' then
    local caught = thrown
    thrown, is_over = unwrap(caught)
  end
  if is_over then
    thrown = {err = 'ERR ' .. natives.verdict(thrown), over = true}
  elseif type(thrown) ~= 'table' then
    thrown = {err = 'ERR ' .. tostring(thrown)}
  elseif behind[thrown] then
    thrown = {err = 'ERR unknown error'}
  end
  local source, line = thrown_at()
  if source then
    rawset(thrown, 'source', source)
    rawset(thrown, 'line', line)
  end
  return thrown
end

-- What pcall returns: the error of a command as its text.
local function settle(ok, ...)
  if ok then
    return true, ...
  end
  local thrown = ...
  if type(thrown) == 'userdata' then
    local caught, is_over = thrown, nil
    thrown, is_over = unwrap(caught)
    if is_over then
      error(caught, 0)
    end
  end
  if type(thrown) == 'table' then
    local text = thrown.err
    if type(text) == 'string' or type(text) == 'number' then
      thrown = text
    end
  end
  return false, thrown
end

-- The same for what coroutine.resume and xpcall return, where tables stay.
local function settle_table(ok, ...)
  if ok then
    return true, ...
  end
  local thrown = ...
  if type(thrown) ~= 'userdata' then
    return false, thrown
  end
  local seen, is_over = unwrap(thrown)
  if is_over then
    error(thrown, 0)
  end
  return false, seen
end

local guard = {settle = settle, settle_table = settle_table}

function guard.xpcall(f, handle)
  return settle_table(xpcall(f, function(thrown)
    if type(thrown) == 'userdata' then
      local seen, is_over = unwrap(thrown)
      if is_over then
        return thrown
      end
      return handle(seen)
    end
    return handle(thrown)
  end))
end

-- Text is compiled with the collector stopped; bytecode is made text that does not compile.
function guard.compile(text, name, env)
  if byte(text) == 27 then
    text = ' ' .. text
  end
  collectgarbage('stop')
  local f, problem = loadstring(text, name)
  collectgarbage('restart')
  if f then
    return setfenv(f, env)
  end
  return nil, problem
end

local function handler_of_read(thrown)
  if type(thrown) == 'userdata' then
    local _, is_over = unwrap(thrown)
    if is_over then
      return thrown
    end
  end
  return handler(thrown)
end

-- All that a function reads, before any of it is compiled.
function guard.read(reader)
  local pieces, count = {}, 0
  while true do
    local ok, piece = xpcall(reader, handler_of_read)
    if not ok then
      if type(piece) == 'userdata' then
        error(piece, 0)
      end
      return nil, piece
    end
    if piece == nil or piece == '' then
      return concat(pieces)
    end
    if type(piece) ~= 'string' and type(piece) ~= 'number' then
      return nil, {err = 'ERR user_script:1: reader function must return a string'}
    end
    count = count + 1
    pieces[count] = piece
  end
end

-- Compiled scripts and functions, by number.
local kept = {}
guard.kept = kept

function guard.runner(globals)
  return function(number, keys, argv)
    globals.KEYS = keys
    globals.ARGV = argv
    return xpcall(kept[number], handler)
  end
end

function guard.run(number)
  return xpcall(kept[number], handler)
end

function guard.call(number, keys, argv)
  local f = kept[number]
  return xpcall(function()
    return f(keys, argv)
  end, handler)
end

guard.view, guard.behind, guard.missing, guard.handler = view, behind, missing, handler
guard.READONLY = READONLY
return guard
