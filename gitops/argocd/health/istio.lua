-- Health of Istio's objects for Argo CD: VirtualService, DestinationRule, PeerAuthentication and every other kind of
-- networking.istio.io and security.istio.io, which share one form of status. Without PILOT_ENABLE_ANALYSIS Istio
-- writes none (but for ambient mode): no news is good news.
-- https://istio.io/latest/docs/reference/config/meta/v1beta1/istio-status/

-- What the codes of errors mean: the status holds the code and a link, not the text.
local meanings = {
  IST0101 = "something that it refers to does not exist",
  IST0106 = "Istio does not accept it",
  IST0109 = "another VirtualService has the same host",
  IST0112 = "a destination of several ports needs a port",
  IST0145 = "another Gateway has the same port and hosts",
  IST0149 = "routing by JWT claims needs a RequestAuthentication",
  IST0161 = "the Secret of the Gateway is not valid",
  IST0173 = "a subset selects no pods",
}

-- Istio 1.8 to 1.11 wrote the number of the level, later ones its name, its documentation writes it with a capital.
-- Argo CD gives the script no string library: every spelling stands here.
local levels = {
  ["3"] = "error", ERROR = "error", Error = "error", error = "error",
  ["8"] = "warning", WARNING = "warning", Warning = "warning", warning = "warning", WARN = "warning", Warn = "warning", warn = "warning",
}

local function levelOf(message)
  return levels[tostring(message.level)]
end

local function describe(message)
  local code = message.code or (message.type and message.type.code) or "unknown code"
  local text = message.message or (message.type and message.type.name) or meanings[code]
  local link = message.documentationUrl or message.documentation_url
  return code .. (text and (": " .. text) or "") .. (link and (" (" .. link .. ")") or "")
end

local function describeAll(messages, level)
  local found, seen = {}, {}
  for _, message in ipairs(messages or {}) do
    local text = describe(message)
    if levelOf(message) == level and not seen[text] then
      seen[text] = true
      table.insert(found, text)
    end
  end
  return found
end

-- Whether a status or condition is about an older spec. Istio writes a new one only where it has something to say, or had:
-- an old status without errors stays behind for good, so its age alone must not keep anything waiting.
local function isOld(said)
  local observed, wanted = tonumber(said.observedGeneration), tonumber(obj.metadata and obj.metadata.generation)
  return observed ~= nil and wanted ~= nil and observed < wanted
end

local function health(status, message)
  return { status = status, message = message }
end

local status = obj.status or {}
local errors = describeAll(status.validationMessages, "error")
if #errors > 0 then
  if isOld(status) then
    return health("Progressing", "Istio has not looked at the latest change yet; before it: " .. table.concat(errors, "; "))
  end
  return health("Degraded", table.concat(errors, "; "))
end

for _, condition in ipairs(status.conditions or {}) do
  local said = condition.message or condition.reason or condition.type
  -- Istio up to 1.22, with PILOT_ENABLE_CONFIG_DISTRIBUTION_TRACKING
  if condition.type == "Reconciled" and condition.status == "False" then
    return health("Progressing", said)
  end
  -- ambient mode: ztunnel or the waypoint does not enforce it
  if (condition.type == "ZtunnelAccepted" or condition.type == "WaypointAccepted") and condition.status == "False" then
    return health(isOld(condition) and "Progressing" or "Degraded", condition.type .. ": " .. said)
  end
end

local warnings = describeAll(status.validationMessages, "warning")
return health("Healthy", #warnings > 0 and ("warning: " .. table.concat(warnings, "; ")) or nil)
