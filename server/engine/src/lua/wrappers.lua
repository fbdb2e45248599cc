--[[ Functions of Lua that know the views of guard.lua, or that take less than Lua would: a range
that fits the stack, a pattern whose matching fits the machine's. This becomes one line before it
is compiled, so that no comment may end with its line. ]]
local guard = ...
local behind, READONLY = guard.behind, guard.READONLY
local error, select, type, tonumber = error, select, type, tonumber
local next, pairs, rawget, rawset, setmetatable = next, pairs, rawget, rawset, setmetatable
local unpack, insert, collectgarbage = unpack, table.insert, collectgarbage
local find, match, gmatch, gsub = string.find, string.match, string.gmatch, string.gsub
local load, loadstring, read, compile = load, loadstring, guard.read, guard.compile
local getmetatable, pcall, resume = getmetatable, pcall, coroutine.resume
local settle, settle_table, guarded_xpcall = guard.settle, guard.settle_table, guard.xpcall
local wrappers = {}

function wrappers.pcall(...)
  if select('#', ...) == 0 then
    return false, 'attempt to call a boolean value'
  end
  return settle(pcall(...))
end

function wrappers.xpcall(...)
  if select('#', ...) < 2 then
    error("bad argument #2 to 'xpcall' (value expected)")
  end
  return guarded_xpcall(...)
end

function wrappers.resume(...)
  return settle_table(resume(...))
end

function wrappers.getmetatable(...)
  if behind[(...)] then
    return nil
  end
  return getmetatable(...)
end

function wrappers.next(...)
  local real = behind[(...)]
  if real then
    local _, key = ...
    return next(real, key)
  end
  return next(...)
end

function wrappers.pairs(...)
  local real = behind[(...)]
  if real then
    local copy = {}
    for key, value in next, real do
      copy[key] = value
    end
    return next, copy, nil
  end
  return pairs(...)
end

function wrappers.rawget(...)
  local real = behind[(...)]
  if real then
    local _, key = ...
    return rawget(real, key)
  end
  return rawget(...)
end

function wrappers.rawset(...)
  if behind[(...)] then
    error(READONLY, 0)
  end
  return rawset(...)
end

function wrappers.setmetatable(...)
  if behind[(...)] then
    error(READONLY, 0)
  end
  return setmetatable(...)
end

function wrappers.insert(...)
  if behind[(...)] then
    error(READONLY, 0)
  end
  return insert(...)
end

local function int(number)
  if number ~= number or number == 1 / 0 or number == -1 / 0 then
    return 0
  end
  if number < 0 then
    number = -(-number - -number % 1)
  else
    number = number - number % 1
  end
  number = number % 4294967296
  if number >= 2147483648 then
    return number - 4294967296
  end
  return number
end

function wrappers.unpack(...)
  local list, first, last = ...
  if first == nil and last == nil or type(list) ~= 'table' then
    return unpack(...)
  end
  local from, to = tonumber(first or 1), tonumber(last or #list)
  if from == nil or to == nil then
    return unpack(...)
  end
  from, to = int(from), int(to)
  if from <= to and to - from >= 7900 then
    return unpack(list, 1, 100000000)
  end
  return unpack(list, from, to)
end

function wrappers.collectgarbage(...)
  local what = ...
  if what == 'stop' or what == 'restart' then
    return 0
  end
  if what == 'setpause' or what == 'setstepmul' then
    return 200
  end
  return collectgarbage(...)
end

local function check(pattern)
  if type(pattern) == 'string' and #pattern > 4096 then
    error('pattern too complex', 3)
  end
end

function wrappers.find(...)
  local _, pattern, _, plain = ...
  if not plain then
    check(pattern)
  end
  return find(...)
end

function wrappers.match(...)
  local _, pattern = ...
  check(pattern)
  return match(...)
end

function wrappers.gmatch(...)
  local _, pattern = ...
  check(pattern)
  return gmatch(...)
end

function wrappers.gsub(...)
  local _, pattern = ...
  check(pattern)
  return gsub(...)
end

function wrappers.loaders(env)
  return function(...)
    local text, name = ...
    local is_text = type(text) == 'string' or type(text) == 'number'
    if not is_text or name ~= nil and type(name) ~= 'string' and type(name) ~= 'number' then
      return loadstring(...)
    end
    return compile(text .. '', (name or text) .. '', env)
  end, function(...)
    local reader, name = ...
    if type(reader) ~= 'function' or name ~= nil and type(name) ~= 'string' then
      return load(...)
    end
    local text, problem = read(reader)
    if text then
      return compile(text, name or '=(load)', env)
    end
    return nil, problem
  end
end

return wrappers
