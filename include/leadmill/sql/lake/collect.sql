-- name: prepare_collection!
-- The working tables of one collecting connection; all temporary.
create or replace temp table listed (object_key varchar, byte_size bigint, modified_at timestamptz);
create or replace temp table batch_objects (object_key varchar, kind varchar, byte_size bigint, modified_at timestamptz);
create or replace temp table words (provider varchar, word varchar, kind varchar, bounce_kind varchar, also varchar);
create or replace temp table documents (provider varchar, object_key varchar, body varchar);
create or replace temp table lines (provider varchar, object_key varchar, line_no integer, line varchar, valid boolean);
create or replace temp table broken (object_key varchar, line_no integer, reason varchar, line varchar);
create or replace temp table staged (
  event_id varchar, provider varchar, words varchar[], status_code varchar, occurred_at timestamptz, send_id bigint,
  send_tag varchar, provider_message_id varchar, url varchar, user_agent varchar, ip varchar, method varchar, provider_says_machine boolean,
  raw_object varchar, raw_line integer, reply varchar, is_signed boolean);
create or replace temp table reply_words (place integer, said varchar, pattern varchar);
create or replace temp table genuine_tags (send_tag varchar, send_id bigint);
create or replace temp table plain_tags (send_tag varchar, provider_message_id varchar, send_id bigint);
create or replace temp table known_sends (
  send_id bigint, provider_message_id varchar, campaign_id bigint, step smallint, lead_id bigint, variant_id bigint,
  mailbox_id bigint, accepted_at timestamptz);

-- name: forget_batch!
-- Empties what belongs to one batch.
truncate batch_objects; truncate documents; truncate lines; truncate broken; truncate staged; truncate known_sends;
truncate genuine_tags; truncate plain_tags;

-- name: unread_objects
-- Which listed objects were not read yet? An object written anew since counts as a new one. What people said comes first.
select l.object_key from listed l
anti join lake.read_objects r on r.object_key = l.object_key and r.byte_size = l.byte_size
  and (r.modified_at is null or r.modified_at = l.modified_at)
order by case when l.object_key like 'landing/events/edge/%' then 0 when l.object_key like 'landing/inbound/%' then 1 else 2 end,
  l.object_key;

-- name: next_batch
-- What is the next batch's number? Above the ledger's position too, so that a rebuilt lake never looks already projected.
select greatest(coalesce((select max(batch) from lake.read_objects), 0),
  coalesce((select position from pg.ledger.projections where name = 'events'), 0)) + 1;

-- name: read_ndjson!
-- One row a line of the objects in the variable `uris`; a line that is no JSON object has nothing but nulls.
create or replace temp table records as
select substring(filename, getvariable('root_length') + 1) as object_key, row_number() over ()::integer as line_no, * exclude (filename)
from read_json(getvariable('uris'), format = 'newline_delimited', columns = getvariable('columns'),
  ignore_errors = true, filename = true, maximum_object_size = 33554432);

-- name: read_array!
-- One row an element of the JSON arrays in the variable `uris`.
create or replace temp table records as
select substring(filename, getvariable('root_length') + 1) as object_key, row_number() over ()::integer as line_no, * exclude (filename)
from read_json(getvariable('uris'), format = 'array', columns = getvariable('columns'), filename = true,
  maximum_object_size = 33554432);

-- name: unpack_firehose!
-- Firehose's HTTP endpoint wraps records as base64 in one JSON document; afterwards they are lines.
update documents set body = (
  select string_agg(coalesce(try(decode(from_base64(r->>'data'))), 'undecodable record'), chr(10))
  from unnest(json_extract(body, '$.records[*]')) as t(r))
where body like '%"requestId"%' and case when json_valid(body) then json_type(body, '$.records') end = 'ARRAY';

-- name: split_documents!
-- Cut documents into one JSON object a row: whole, by line, and by `}{` where a writer left the newline out.
-- A quote cannot follow `}{` inside a JSON text, so the cut never goes through one. `json` is null for what is no JSON;
-- JSON functions stand behind a `case`, since DuckDB may evaluate them before the condition beside them.
insert into lines
with whole as (
  select *, json_valid(body) as valid from documents
), pieces as (
  select provider, object_key, 1 as line_no, body as line from whole where valid
  union all
  select provider, object_key, generate_subscripts(string_split(body, chr(10)), 1), unnest(string_split(body, chr(10)))
  from whole where not valid
), filled as (
  select provider, object_key, line_no, line, case when json_valid(line) then json_type(line) end as json from pieces
  where trim(line, chr(32) || chr(9) || chr(10) || chr(13)) <> ''
), cut as (
  select provider, object_key, line_no, unnest(string_split(
    regexp_replace(line, '\}\s*\{\s*"', chr(125) || chr(10) || chr(123) || chr(34), 'g'), chr(10))) as line
  from filled where json is null
), objects as (
  select * from filled where json is not null
  union all
  select *, case when json_valid(line) then json_type(line) end from cut
), elements as (
  select provider, object_key, unnest(json_extract(case when json = 'ARRAY' then line end, '$[*]'))::varchar as line
  from objects where json = 'ARRAY'
)
select provider, object_key, line_no::integer, line, json is not distinct from 'OBJECT' from objects
where json is distinct from 'ARRAY'
union all
select provider, object_key, row_number() over (partition by object_key)::integer, line,
  case when json_valid(line) then json_type(line) end is not distinct from 'OBJECT' from elements;

-- name: note_broken_lines!
-- Lines that hold no JSON object.
insert into broken select object_key, line_no, 'not a JSON object', line from lines where not valid;

-- name: read_lines!
-- The valid lines of one provider, in the same form as `read_ndjson` gives.
create or replace temp table records as
select object_key, line_no, unnest(from_json(line, getvariable('fields'))) from lines
where valid and provider = getvariable('provider');

-- name: wrapped_ses
-- Are there records in SNS's or EventBridge's envelopes?
select count(*) from records where coalesce("Message", detail) is not null;

-- name: unwrap_ses!
-- The records inside SNS's and EventBridge's envelopes; SNS's greeting is no record, and what is no JSON has nulls only.
create or replace temp table unwrapped as
select object_key, line_no, unnest(record) from (
  select object_key, line_no, try(from_json(coalesce("Message", detail), getvariable('fields'))) as record
  from records
  where coalesce("Message", detail) is not null and coalesce("Message", '') not like 'Successfully validated%');

-- name: replace_wrapped_ses!
-- What was unwrapped takes the place of the envelopes.
delete from records where coalesce("Message", detail) is not null;
insert into records by name select * from unwrapped;

-- name: stage_ses!
-- SES records as events, one a recipient. SES gives events no id: the key is made of what identifies them (STANDARDS).
insert into staged
with events as (
  select object_key, line_no, coalesce("eventType", "notificationType") as word, mail, bounce, complaint, click, "open",
    coalesce("open"."timestamp", click."timestamp", bounce."timestamp", complaint."timestamp", delivery."timestamp",
      "deliveryDelay"."timestamp", subscription."timestamp", mail."timestamp") as happened_at,
    coalesce(bounce."feedbackId", complaint."feedbackId") as feedback_id,
    subscription."newTopicPreferences"."unsubscribeAll" as unsubscribes_all,
    coalesce(
      list_transform(bounce."bouncedRecipients",
        lambda x: {'address': x."emailAddress", 'status': x.status, 'diagnosis': x."diagnosticCode"}),
      list_transform("deliveryDelay"."delayedRecipients",
        lambda x: {'address': x."emailAddress", 'status': x.status, 'diagnosis': x."diagnosticCode"}),
      list_transform(complaint."complainedRecipients", lambda x: {'address': x."emailAddress", 'status': null, 'diagnosis': null}),
      list_transform(delivery.recipients, lambda x: {'address': x, 'status': null, 'diagnosis': null}),
      list_transform(list_slice(mail.destination, 1, 1), lambda x: {'address': x, 'status': null, 'diagnosis': null})) as recipients
  from records
), recipients as (
  select * exclude (recipients),
    unnest(case when len(recipients) > 0 then recipients else [{'address': '', 'status': null, 'diagnosis': null}] end) as who
  from events
)
select
  'ses-' || md5(concat_ws('|', word, coalesce(feedback_id, concat_ws('|', mail."messageId", epoch_ms(happened_at), click.link)),
    lower(case when who.address like '%<%' then regexp_extract(who.address, '<([^<>]*)>', 1) else who.address end))),
  'ses',
  case word
    when 'Bounce' then list_filter([
      case when bounce."bounceType" = 'Transient' and bounce."bounceSubType" = 'General'
        and who.status is null and who.diagnosis is null then 'Bounce/Transient/General/no status' end,
      'Bounce/' || bounce."bounceType" || '/' || bounce."bounceSubType", 'Bounce/' || bounce."bounceType", 'Bounce'],
      lambda x: x is not null)
    when 'Complaint' then list_filter([
      'Complaint/' || complaint."complaintSubType", 'Complaint/' || complaint."complaintFeedbackType", 'Complaint'],
      lambda x: x is not null)
    when 'Subscription' then case when unsubscribes_all then ['Subscription/unsubscribed', word] else [word] end
    else [word] end,
  case when bounce is not null or who.status is not null
    then coalesce(who.status, nullif(regexp_extract(who.diagnosis, '(?:^|[^\d.])([245]\.\d{1,3}\.\d{1,3})(?:$|\.$|\.?[^\d.])', 1), '')) end,
  happened_at, null, mail.tags.send_id[1], mail."messageId", click.link,
  coalesce("open"."userAgent", click."userAgent"), coalesce("open"."ipAddress", click."ipAddress"), null, false,
  object_key, line_no, case when word = 'Bounce' then who.diagnosis end, false
from recipients;

-- name: stage_sendgrid!
-- SendGrid's events.
insert into staged
select
  'sendgrid-' || coalesce(sg_event_id, md5(concat_ws('|', sg_message_id, event, "timestamp", lower(email), url))),
  'sendgrid',
  case event
    when 'bounce' then case when "type" = 'blocked' then ['bounce/blocked', 'bounce']
      else list_filter(['bounce/' || bounce_classification, 'bounce'], lambda x: x is not null) end
    when 'dropped' then list_filter(['dropped/' || reason, 'dropped'], lambda x: x is not null)
    else [event] end,
  case when event in ('bounce', 'deferred', 'dropped') then coalesce(
    nullif(regexp_extract(reason, '(?:^|[^\d.])([245]\.\d{1,3}\.\d{1,3})(?:$|\.$|\.?[^\d.])', 1), ''), status) end,
  try(to_timestamp(try_cast("timestamp" as double))), null, send_id,
  split_part(split_part(sg_message_id, '.filter', 1), '.recv', 1), url, useragent, ip, null,
  lower(sg_machine_open) in ('true', '1'), object_key, line_no, case when event = 'bounce' then reason end, false
from records;

-- name: stage_mailgun!
-- Mailgun's events. Their ids are unique within a day only, so the time belongs to the key.
insert into staged
select
  'mailgun-' || e.id || '-' || e."timestamp"::varchar, 'mailgun',
  case when e.event = 'failed' then list_filter(
    ['failed/' || e.severity || '/' || e.reason, 'failed/' || e.severity, 'failed'], lambda x: x is not null)
    else [e.event] end,
  coalesce(nullif(e."delivery-status"."enhanced-code", ''),
    nullif(regexp_extract(e."delivery-status".message, '(?:^|[^\d.])([245]\.\d{1,3}\.\d{1,3})(?:$|\.$|\.?[^\d.])', 1), '')),
  try(to_timestamp(e."timestamp")), null, e."user-variables".send_id, e.message.headers."message-id", e.url,
  e."client-info"."user-agent", e.ip, null, coalesce(e."client-info".bot, '') <> '', object_key, line_no,
  case when e.event = 'failed' then e."delivery-status".message end, false
from (select object_key, line_no, "event-data" as e from records);

-- name: stage_postmark!
-- Postmark's events.
insert into staged
select
  'postmark-' || md5(concat_ws('|', "RecordType", "ID", "MessageID",
    coalesce("DeliveredAt", "BouncedAt", "ReceivedAt", "ChangedAt"), "OriginalLink")),
  'postmark',
  case
    when "RecordType" = 'Bounce' then list_filter(['Bounce/' || "Type", 'Bounce'], lambda x: x is not null)
    when "RecordType" = 'SubscriptionChange' and "SuppressSending"
      then list_filter(['SubscriptionChange/' || "SuppressionReason", 'SubscriptionChange'], lambda x: x is not null)
    else ["RecordType"] end,
  case when "RecordType" = 'Bounce'
    then nullif(regexp_extract("Details", '(?:^|[^\d.])([245]\.\d{1,3}\.\d{1,3})(?:$|\.$|\.?[^\d.])', 1), '') end,
  coalesce("DeliveredAt", "BouncedAt", "ReceivedAt", "ChangedAt"), null, "Metadata".send_id, "MessageID",
  "OriginalLink", "UserAgent", "Geo"."IP", null, false, object_key, line_no, case when "RecordType" = 'Bounce' then "Details" end, false
from records;

-- name: stage_edge!
-- Our own edge's events; it took each send's id out of a signed link.
insert into staged
select event_id, 'edge', [kind], null, occurred_at, try_cast(send_id as bigint), null, null, nullif(url, ''), user_agent, ip,
  method, false, object_key, line_no, null, true
from records;

-- name: set_aside_incomplete!
-- Records without a word, a time or an id: they say nothing that could be counted. A time outside 1990 to 2200 is none
-- (seconds that are milliseconds come out as the year 55,000, which neither Python nor a report can hold).
update staged set occurred_at = null
where occurred_at < timestamptz '1990-01-01 00:00:00+00' or occurred_at >= timestamptz '2200-01-01 00:00:00+00';
insert into broken
select raw_object, raw_line,
  case when len(words) = 0 or words[-1] is null then 'no event type' when occurred_at is null then 'no time' else 'no id' end,
  null
from staged where len(words) = 0 or words[-1] is null or occurred_at is null or event_id is null;

-- name: drop_incomplete!
-- Takes those out of what is kept.
delete from staged where len(words) = 0 or words[-1] is null or occurred_at is null or event_id is null;

-- name: read_words!
-- What do the texts of reports say in plain words (leadmill.domain.reply_words)? The first pattern that is found decides.
create or replace temp table said as
select r.reply, arg_min(w.said, w.place) as said
from (select distinct reply from staged where reply is not null) r
join reply_words w on regexp_matches(r.reply, '(?is)' || w.pattern)
group by r.reply;

-- name: referenced_tags
-- Which tags does the batch carry that may name sends of ours?
select distinct send_tag from staged where send_tag is not null;

-- name: believe_genuine_tags!
-- Tags that our key signed name their sends.
update staged s set send_id = t.send_id, is_signed = true from genuine_tags t where t.send_tag = s.send_tag;

-- name: believe_plain_tags!
-- Tags without a signature, as mails carried them once, name a send only where its provider gave it the event's id too;
-- where the ledger holds none to compare with, they count.
update staged s set send_id = t.send_id from plain_tags t
where s.send_id is null and t.send_tag = s.send_tag
  and (t.provider_message_id is null or t.provider_message_id = s.provider_message_id);

-- name: referenced_sends
-- Which of our send ids does the batch name?
select distinct send_id from staged where send_id is not null;

-- name: referenced_messages
-- Which provider message ids need a look-up, since their events carry no send id?
select distinct provider_message_id from staged where send_id is null and provider_message_id <> '';

-- name: translate!
-- Our kinds for the providers' words (the more precise word wins), each event once, with what the ledger knows of it.
create or replace temp table events as
with meanings as (
  select s.*,
    coalesce(a.kind, b.kind, c.kind, d.kind, 'unknown') as kind, r.said,
    case when a.kind is not null then a.bounce_kind when b.kind is not null then b.bounce_kind
      when c.kind is not null then c.bounce_kind else d.bounce_kind end as word_bounce_kind,
    case when a.kind is not null then a.also when b.kind is not null then b.also
      when c.kind is not null then c.also else d.also end as also,
    coalesce(a.word, b.word, c.word, d.word, left(s.words[-1], 60)) as provider_word
  from staged s
  left join said r on r.reply = s.reply
  left join words a on a.provider = s.provider and a.word = s.words[1]
  left join words b on b.provider = s.provider and b.word = s.words[2]
  left join words c on c.provider = s.provider and c.word = s.words[3]
  left join words d on d.provider = s.provider and d.word = s.words[4]
), with_also as (
  select event_id, kind, word_bounce_kind, * exclude (event_id, kind, word_bounce_kind, also, words, reply) from meanings
  union all
  select event_id || '-also', also, null, * exclude (event_id, kind, word_bounce_kind, also, words, reply)
  from meanings where also is not null
), once as (
  select distinct on (event_id) * from with_also
)
select o.event_id, o.kind,
  -- Plain words go before general codes, as they do in replies; never against a provider that says "soft".
  -- RFC 3463: 4.x and 5.2.2 may work later; 5.7.x is policy, 5.1.7 and 5.1.8 are about the sender: neither says anything
  -- of the address; 5.1.x and 5.2.1 do. Otherwise the word decides.
  case when o.kind <> 'bounced' then o.word_bounce_kind
    when o.status_code in ('5.7.124', '5.7.129', '5.7.133', '5.7.134') or o.said = 'refuses_us' then 'refuses_us'
    when o.said = 'sender' then 'blocked'
    when o.said in ('full', 'later') then 'soft'
    when o.said = 'dead' and o.status_code like '5.7.%' and o.provider <> 'ses' then 'hard'
    when o.said in ('listed', 'authentication') and coalesce(o.status_code, '') not like '5.1.%' then 'blocked'
    when regexp_matches(o.status_code, '^[45]\.7\.|^5\.1\.[78]$') then 'blocked'
    -- SendGrid says "blocked" of a full mailbox, too: the code knows better.
    when o.status_code like '4.%' or o.status_code = '5.2.2' then 'soft'
    when o.word_bounce_kind = 'blocked' then 'blocked'
    when o.status_code like '5.1.%' or o.status_code = '5.2.1' then 'hard'
    else o.word_bounce_kind end as bounce_kind,
  o.provider, o.provider_word, left(o.status_code, 12) as status_code, o.occurred_at,
  coalesce(o.send_id, m.send_id) as send_id, o.send_id is not null and o.is_signed as is_signed, k.campaign_id, k.step, k.lead_id, k.variant_id, k.mailbox_id, k.accepted_at,
  o.provider_message_id, o.user_agent, o.ip, o.method, o.provider_says_machine,
  -- The lake holds no addresses: a link that carries one loses its query.
  case when o.url like '%@%' or o.url ilike '%\%40%' escape '\' then split_part(o.url, '?', 1) else o.url end as url,
  o.raw_object, o.raw_line
from once o
left join (
  -- A call for many gives them one id (SendGrid): it does not say which of them is meant.
  select provider_message_id, max(send_id) as send_id from known_sends
  where provider_message_id <> '' group by 1 having count(distinct send_id) = 1) m
  on o.send_id is null and m.provider_message_id = o.provider_message_id
left join (select distinct on (send_id) * from known_sends) k on k.send_id = coalesce(o.send_id, m.send_id);

-- name: drop_known!
-- Take out what the lake holds already. Copies come within the window; older events are looked for on their own.
create or replace temp table fresh as
select e.* from events e
anti join (
  select event_id from lake.events where occurred_at >= $window_start
) known on known.event_id = e.event_id
where e.occurred_at >= $window_start;

-- name: drop_known_late!
-- The same for events older than the window: the lake's rows of just their time span are read.
insert into fresh
select e.* from events e
anti join (
  select event_id from lake.events where occurred_at >= $first_at and occurred_at <= $last_at
) known on known.event_id = e.event_id
where e.occurred_at < $window_start;

-- name: late_span
-- Between which times do the events older than the window lie?
select min(occurred_at), max(occurred_at) from events where occurred_at < $window_start;

-- name: label_machines!
-- Which opens and clicks did no person make, and how do we know? First reason wins; null = a person as far as we can tell.
create or replace temp table machines as
with touches as (
  select event_id, kind, send_id, occurred_at, url, user_agent, ip, method, provider_says_machine, accepted_at
  from fresh where kind in ('opened', 'clicked')
), delivered as (
  select send_id, min(occurred_at) as delivered_at from (
    select send_id, occurred_at from fresh where kind = 'delivered'
    union all
    select send_id, occurred_at from lake.events
    where kind = 'delivered' and occurred_at >= (select min(occurred_at) from touches) - interval 1 hour
      and send_id in (select send_id from touches))
  group by send_id
), links as (
  select event_id, kind = 'clicked' and (
      (lag(url) over w <> url and occurred_at - lag(occurred_at) over w <= to_seconds($burst_seconds))
      or (lead(url) over w <> url and lead(occurred_at) over w - occurred_at <= to_seconds($burst_seconds))) as in_burst
  from touches where kind = 'clicked' and send_id is not null
  window w as (partition by send_id order by occurred_at, event_id)
), crowds as (
  select ip, time_bucket(interval 10 minutes, occurred_at) as slot from touches
  -- Gmail fetches pictures when a person opens the mail, through addresses that all its users share.
  where ip <> '' and ip not like '127.%' and ip <> '::1' and coalesce(user_agent, '') not like '%GoogleImageProxy%'
  group by all having count(distinct send_id) >= $crowd_sends
)
select t.event_id, case
    when t.provider_says_machine then 'the provider says so'
    when t.method = 'HEAD' then 'HEAD request'
    when t.user_agent = 'Mozilla/5.0' then 'Apple Mail privacy proxy'
    when t.user_agent like '%YahooMailProxy%' then 'Yahoo mail proxy'
    when t.user_agent like '%BingPreview%' then 'Bing preview'
    when regexp_matches(t.user_agent, $scanner_pattern, 'i') then 'scanner by its name'
    when t.occurred_at - coalesce(d.delivered_at, t.accepted_at) < to_seconds($fast_seconds)
      then 'faster than a person after delivery'
    when l.in_burst then 'several links at once'
    when c.ip is not null then 'one address for many recipients'
  end as reason
from touches t
left join delivered d on d.send_id = t.send_id
left join links l on l.event_id = t.event_id
left join crowds c on c.ip = t.ip and c.slot = time_bucket(interval 10 minutes, t.occurred_at)
  and coalesce(t.user_agent, '') not like '%GoogleImageProxy%';

-- name: commit_events!
-- The batch's new events.
insert into lake.events by name
select f.event_id, f.kind, f.bounce_kind, f.provider, f.provider_word, f.status_code, f.occurred_at,
  $as_of as collected_at, f.send_id, f.campaign_id, f.step, f.lead_id, f.variant_id, f.mailbox_id, f.provider_message_id,
  m.reason is not null as machine, m.reason as machine_reason, f.url, f.raw_object, f.raw_line, f.is_signed
from fresh f left join machines m on m.event_id = f.event_id;

-- name: commit_objects!
-- The batch's objects, as read.
insert into lake.read_objects by name
select o.object_key, o.kind, o.byte_size, o.modified_at, $as_of as read_at, coalesce(f.n, 0) as event_count,
  coalesce(s.n, 0) - coalesce(f.n, 0) as duplicate_count, coalesce(b.n, 0) as broken_count, $batch as batch
from batch_objects o
left join (select raw_object, count(*) as n from fresh where event_id not like '%-also' group by 1) f on f.raw_object = o.object_key
left join (select raw_object, count(*) as n from staged group by 1) s on s.raw_object = o.object_key
left join (select object_key, count(*) as n from broken group by 1) b on b.object_key = o.object_key;

-- name: batch_counts
-- What did the batch come to?
select sum(event_count)::bigint, sum(duplicate_count)::bigint, sum(broken_count)::bigint
from lake.read_objects where batch = $batch;

-- name: unknown_words
-- Which words did no table hold?
select provider || ': ' || coalesce(provider_word, '') as word, count(*) from fresh where kind = 'unknown' group by 1;

-- name: broken_lines
-- What goes to quarantine, a reason with each.
select object_key, line_no, reason, left(line, 4000) from broken order by object_key, line_no;

-- name: forget_events!
-- Takes out of the lake what came from objects that still lie in the landing zone, so that they are read again.
delete from lake.events where raw_object in (select object_key from listed);
delete from lake.read_objects where object_key in (select object_key from listed);
