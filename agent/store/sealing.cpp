#include "agent/store/sealing.hpp"

#include <algorithm>

#include "agent/store/codec/block.hpp"

namespace pgtend::store {

namespace {

struct Job {
  std::shared_ptr<const Frozen> frozen;
  bool tiers = false;
  std::optional<OpenTier> five_minutes, one_hour;
  std::int64_t five_minute_buckets = 1, one_hour_buckets = 1;
};

Sealed encode(const Job& job) {
  const auto& frozen = *job.frozen;
  BlockRow raw;
  raw.id = block_id(lane_of(Tier::raw, Part::main, frozen.group), frozen.first_seq);
  raw.ticks = static_cast<std::int64_t>(frozen.times.size());
  const auto [least, greatest] = std::minmax_element(frozen.times.begin(), frozen.times.end());
  raw.min_ms = *least;
  raw.max_ms = *greatest;
  raw.samples = frozen.samples;
  raw.data = codec::encode_block(frozen.columns, frozen.starts, frozen.times.size());
  Sealed sealed{job.frozen, {}};
  sealed.rows.push_back(std::move(raw));
  if (!job.tiers) return sealed;
  for (auto& row : add_to_tier(Tier::five_minutes, frozen, job.five_minutes, job.five_minute_buckets))
    sealed.rows.push_back(std::move(row));
  for (auto& row : add_to_tier(Tier::one_hour, frozen, job.one_hour, job.one_hour_buckets))
    sealed.rows.push_back(std::move(row));
  return sealed;
}

}  // namespace

Result<std::optional<OpenTier>> read_open_tier(Database& db, Tier tier, GroupId group) {
  auto query = db.cached(
      "SELECT id, ticks, min_ms, max_ms, crc, data FROM block WHERE id BETWEEN ?1 AND ?2"
      " ORDER BY id DESC LIMIT 1");
  if (!query) return fail(std::move(query).error());
  OpenTier open;
  for (std::size_t part = 0; part < kTierParts; ++part) {
    const auto lane = lane_of(tier, static_cast<Part>(part), group);
    (*query)->bind(1, part == 0 ? block_id(lane, 0) : block_id(lane, open.number));
    (*query)->bind(2, part == 0 ? block_id(lane, 0x7fffffff) : block_id(lane, open.number));
    auto row = (*query)->step();
    if (!row) return fail(std::move(row).error());
    if (!*row && part == 0) return std::optional<OpenTier>();
    if (!*row) continue;
    const auto id = (*query)->integer(0), ticks = (*query)->integer(1), min_ms = (*query)->integer(2);
    if (part == 0) {
      open.number = number_of_block(id);
      open.first_bucket = min_ms / width_of(tier).count();
      open.buckets = ticks;
    }
    // A block that does not check is not built upon: what follows begins a new one.
    const bool sound = (*query)->integer(4) == block_crc(id, ticks, min_ms, (*query)->integer(3), (*query)->blob(5));
    open.data[part] = sound ? std::string((*query)->blob(5)) : "damaged";
    (*query)->reset();
  }
  return std::optional(std::move(open));
}

Sealing::Sealing(const HistoryOptions& options) : post_(options.encode), inbox_(std::make_shared<Inbox>()) {
  // A block goes as a whole, so it spans a quarter of the retention at most.
  const auto most = [](Millis retention, Tier tier) {
    return std::clamp<std::int64_t>(retention / 4 / width_of(tier), 1, static_cast<std::int64_t>(codec::kBlockTicks));
  };
  five_minute_buckets_ = most(options.retention_five_minutes, Tier::five_minutes);
  one_hour_buckets_ = most(options.retention_one_hour, Tier::one_hour);
}

void Sealing::add(std::vector<std::shared_ptr<const Frozen>> due) {
  waiting_.insert(waiting_.end(), due.begin(), due.end());
}

Result<void> Sealing::start(Database* db) {
  std::vector<std::shared_ptr<const Frozen>> later;
  for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
    if (busy_.contains((*it)->group)) {
      later.push_back(*it);
      continue;
    }
    Job job{*it, db != nullptr, {}, {}, five_minute_buckets_, one_hour_buckets_};
    if (db != nullptr) {
      auto five = read_open_tier(*db, Tier::five_minutes, job.frozen->group);
      auto hour = five ? read_open_tier(*db, Tier::one_hour, job.frozen->group) : five;
      if (!hour) {
        later.insert(later.end(), it, waiting_.end());
        waiting_ = std::move(later);
        return fail(std::move(hour).error());
      }
      job.five_minutes = std::move(*five);
      job.one_hour = std::move(*hour);
    }
    busy_.insert(job.frozen->group);
    auto run = [inbox = inbox_, work = std::make_shared<const Job>(std::move(job))] {
      auto sealed = encode(*work);
      const std::lock_guard guard(inbox->mutex);
      inbox->done.push_back(std::move(sealed));
      --inbox->running;
      inbox->ready.notify_all();
    };
    {
      const std::lock_guard guard(inbox_->mutex);
      ++inbox_->running;
    }
    if (post_) {
      post_(std::move(run));
    } else {
      run();
    }
  }
  waiting_ = std::move(later);
  return {};
}

std::vector<Sealed> Sealing::take() {
  const std::lock_guard guard(inbox_->mutex);
  return std::exchange(inbox_->done, {});
}

bool Sealing::wait(Deadline deadline) const {
  std::unique_lock lock(inbox_->mutex);
  return inbox_->ready.wait_until(lock, deadline, [&] { return inbox_->running == 0 || !inbox_->done.empty(); });
}

std::vector<std::shared_ptr<const Frozen>> Sealing::shed(std::size_t most) {
  std::vector<std::shared_ptr<const Frozen>> given_up;
  if (waiting_.size() <= most) return given_up;
  const auto count = static_cast<std::ptrdiff_t>(waiting_.size() - most);
  given_up.assign(waiting_.begin(), waiting_.begin() + count);
  waiting_.erase(waiting_.begin(), waiting_.begin() + count);
  return given_up;
}

}  // namespace pgtend::store
