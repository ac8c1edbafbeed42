#include "agent/cli/demo/workload.hpp"

#include <atomic>
#include <chrono>
#include <cmath>
#include <functional>
#include <numbers>
#include <random>
#include <stop_token>
#include <thread>
#include <vector>

#include "agent/cli/demo/cluster.hpp"

namespace pgtend::cli::demo {

namespace {

using Steady = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

// Rows that packaging/demo/shop.sql makes.
constexpr std::int64_t kCustomers = 20'000, kProducts = 10'000, kOrders = 250'000, kCoupons = 2'000;
// Traffic swells by this share and back within the period.
constexpr double kSwell = 0.3, kSwellSeconds = 60;
constexpr Seconds kReconnect{1.0};

using Random = std::mt19937_64;

// Small numbers come often, as the best customers and products do; exponent 1 is even.
std::string pick(Random& random, std::int64_t count, double exponent = 2) {
  const double share = std::pow(std::uniform_real_distribution<double>(0, 1)(random), exponent);
  return std::to_string(1 + std::min(count - 1, static_cast<std::int64_t>(share * static_cast<double>(count))));
}

// What one client does again and again.
struct Habit {
  double per_second = 1;
  std::string sql;
  std::function<std::vector<std::string>(Random&)> parameters;
};

struct ClientPlan {
  std::string application;
  std::vector<Habit> habits;
  bool checkout = false;
};

std::vector<Habit> front_habits() {
  const auto customer = [](Random& r) { return std::vector{pick(r, kCustomers)}; };
  const auto product = [](Random& r) { return std::vector{pick(r, kProducts)}; };
  return {
      {25, "SELECT email, country FROM customers WHERE id = $1", customer},
      {20, "SELECT name, price, category_id FROM products WHERE id = $1", product},
      {15, "SELECT stars, number FROM reviews WHERE product_id = $1", product},
      {12, "SELECT street, city FROM addresses WHERE customer_id = $1", customer},
      {12, "SELECT items, note FROM carts WHERE customer_id = $1", customer},
      {10, "SELECT percent FROM coupons WHERE code = $1", [](Random& r) { return std::vector{pick(r, kCoupons)}; }},
      {10, "SELECT name FROM categories WHERE id = $1", [](Random& r) { return std::vector{pick(r, 40)}; }},
      {10, "UPDATE carts SET items = items + 1 WHERE customer_id = $1", customer},
      {8, "SELECT product_id, quantity FROM order_items WHERE order_id = $1",
       [](Random& r) { return std::vector{pick(r, kOrders, 1)}; }},
  };
}

std::vector<ClientPlan> plans() {
  const auto product = [](Random& r) { return std::vector{pick(r, kProducts)}; };
  const std::vector<Habit> warehouse{
      {60, "UPDATE stock SET quantity = quantity - 1 WHERE product_id = $1", product},
      {20, "SELECT quantity, shelf FROM stock WHERE product_id = $1", product},
  };
  const std::vector<Habit> support{
      {4, "SELECT id, status, total FROM orders WHERE customer_id = $1",
       [](Random& r) { return std::vector{pick(r, kCustomers)}; }},
      {10, "SELECT status, total, created_at FROM orders WHERE id = $1",
       [](Random& r) { return std::vector{pick(r, kOrders, 1)}; }},
  };
  const std::vector<Habit> dashboard{
      {2, "SELECT day, orders, revenue FROM sales_by_day ORDER BY day DESC LIMIT 30",
       [](Random&) { return std::vector<std::string>{}; }},
  };
  return {{"web-1", front_habits(), false},
          {"web-2", front_habits(), false},
          {"warehouse-1", warehouse, false},
          {"warehouse-2", warehouse, false},
          {"support", support, false},
          {"dashboard", dashboard, false},
          {"checkout", {}, true}};
}

class Client {
 public:
  Client(ClientPlan plan, std::string conninfo, std::uint64_t seed, std::atomic<std::uint64_t>& statements,
         std::atomic<std::uint64_t>& errors)
      : plan_(std::move(plan)),
        conninfo_(std::move(conninfo)),
        random_(seed),
        statements_(statements),
        errors_(errors) {}

  void run(const std::stop_token& stop) {
    const auto began = Steady::now();
    for (const auto& habit : plan_.habits) due_.push_back(began + wait(habit.per_second, began, began));
    while (!stop.stop_requested()) {
      if (!session_) {
        auto opened = Session::open(conninfo_);
        if (opened) session_.emplace(std::move(*opened));
        if (!opened) std::this_thread::sleep_for(kReconnect);
        continue;
      }
      if (plan_.checkout) {
        check_out();
      } else {
        next_habit(began);
      }
    }
  }

 private:
  // Until the next call at this rate: evenly spread with some chance, so that no two clients march in step.
  Steady::duration wait(double per_second, Steady::time_point now, Steady::time_point began) {
    const double phase = Seconds(now - began).count() / kSwellSeconds * 2 * std::numbers::pi;
    const double rate = per_second * (1 + kSwell * std::sin(phase));
    const double chance = std::uniform_real_distribution<double>(0.5, 1.5)(random_);
    return std::chrono::duration_cast<Steady::duration>(Seconds(chance / rate));
  }

  void next_habit(Steady::time_point began) {
    std::size_t first = 0;
    for (std::size_t i = 1; i < due_.size(); ++i)
      if (due_[i] < due_[first]) first = i;
    // The longest pause keeps the end of the demo quick.
    std::this_thread::sleep_until(std::min(due_[first], Steady::now() + std::chrono::milliseconds(200)));
    const auto now = Steady::now();
    if (due_[first] > now) return;
    const auto& habit = plan_.habits[first];
    due_[first] = std::max(due_[first], now - std::chrono::seconds(1)) + wait(habit.per_second, now, began);
    send(habit.sql, habit.parameters(random_));
  }

  // A customer pays: the transaction stays open for as long as the bank takes, as such transactions do. A concurrent
  // index build waits for it.
  void check_out() {
    const std::string customer = pick(random_, kCustomers), product = pick(random_, kProducts);
    send("BEGIN", {});
    send(
        "INSERT INTO orders (customer_id, created_at, status, total, note) VALUES ($1, now(), 'new', $2, 'Bell twice')",
        {customer, pick(random_, 300)});
    send(
        "INSERT INTO order_items (order_id, line, product_id, quantity) "
        "VALUES (currval(pg_get_serial_sequence('orders', 'id')), 1, $1, 1)",
        {product});
    std::this_thread::sleep_for(std::chrono::milliseconds(150 + random_() % 200));
    send("COMMIT", {});
  }

  void send(const std::string& sql, const std::vector<std::string>& parameters) {
    if (!session_) return;
    auto done = session_->run(sql, parameters);
    ++statements_;
    if (done) return;
    ++errors_;
    session_.reset();
  }

  ClientPlan plan_;
  std::string conninfo_;
  Random random_;
  std::atomic<std::uint64_t>& statements_;
  std::atomic<std::uint64_t>& errors_;
  std::optional<Session> session_;
  std::vector<Steady::time_point> due_;
};

}  // namespace

struct Workload::State {
  std::atomic<std::uint64_t> statements{0}, errors{0};
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<std::jthread> threads;
};

Result<Workload> Workload::start(const Cluster& cluster) {
  auto state = std::make_unique<State>();
  std::uint64_t seed = 1;
  for (auto& plan : plans()) {
    const std::string conninfo = cluster.conninfo("shop_web", plan.application);
    if (auto tried = Session::open(conninfo); !tried)
      return fail(std::move(tried.error()), "connect " + plan.application);
    state->clients.push_back(
        std::make_unique<Client>(std::move(plan), conninfo, seed++, state->statements, state->errors));
  }
  for (auto& client : state->clients)
    state->threads.emplace_back([client = client.get()](const std::stop_token& stop) { client->run(stop); });
  return Workload(std::move(state));
}

Workload::Workload(std::unique_ptr<State> state) : state_(std::move(state)) {}
Workload::Workload(Workload&&) noexcept = default;
Workload::~Workload() {
  if (!state_) return;
  for (auto& thread : state_->threads) thread.request_stop();
  state_->threads.clear();
}

WorkloadCounts Workload::counts() const {
  return {state_->statements.load(), state_->errors.load(), static_cast<int>(state_->clients.size())};
}

}  // namespace pgtend::cli::demo
