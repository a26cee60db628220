// Members without an owner are found wherever they lie, with the line to write; modules that are
// nobody's members are left alone.
#include <ingot/nn/nn.h>

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>

namespace ingot {
namespace {

Tensor input() { return ones({1, 4}); }

// What the first use of `net` says; empty when it says nothing.
std::string complaint(const std::function<void()>& use) {
  try {
    use();
  } catch (const ValueError& e) {
    return e.what();
  }
  return {};
}

struct WithMember : nn::Module {
  nn::Linear first{*this, "first", 4, 4};
  nn::Linear fc{4, 2, {.bias = false}};
  Tensor forward(const Tensor& x) override { return fc(first(x)); }
};

TEST(UnregisteredMember, IsNamedWithTheLineToWrite) {
  WithMember net;
  const std::string text = complaint([&] { net(input()); });
  EXPECT_NE(text.find("WithMember"), std::string::npos) << text;
  EXPECT_NE(text.find("declared after 'first'"), std::string::npos) << text;
  EXPECT_NE(text.find("nn::Linear fc{*this, \"fc\", 4, 2};"), std::string::npos) << text;
}

TEST(UnregisteredMember, IsFoundByWhateverIsAskedFirst) {
  using Use = std::function<void(WithMember&)>;
  const std::vector<std::pair<const char*, Use>> uses = {
      {"call", [](WithMember& n) { n(input()); }},
      {"const call", [](WithMember& n) { std::as_const(n)(input()); }},
      {"parameters", [](WithMember& n) { n.parameters(); }},
      {"named_parameters", [](WithMember& n) { n.named_parameters(); }},
      {"num_parameters", [](WithMember& n) { n.num_parameters(); }},
      {"buffers", [](WithMember& n) { n.buffers(); }},
      {"state_dict", [](WithMember& n) { n.state_dict(); }},
      {"load_state_dict", [](WithMember& n) { n.load_state_dict({}, false); }},
      {"modules", [](WithMember& n) { n.modules(); }},
      {"to device", [](WithMember& n) { n.to("cpu"); }},
      {"to dtype", [](WithMember& n) { n.float64(); }},
      {"train", [](WithMember& n) { n.train(); }},
      {"eval", [](WithMember& n) { n.eval(); }},
      {"apply", [](WithMember& n) { n.apply([](nn::Module&) {}); }},
      {"zero_grad", [](WithMember& n) { n.zero_grad(); }},
      {"requires_grad_", [](WithMember& n) { n.requires_grad_(false); }},
      {"summary",
       [](WithMember& n) {
         n.summary({1, 4});
       }},
      {"str", [](WithMember& n) { n.str(); }},
      {"clone", [](WithMember& n) { n.clone(); }},
  };
  for (const auto& [name, use] : uses) {
    WithMember net;
    EXPECT_NE(complaint([&] { use(net); }).find("not registered"), std::string::npos) << name;
    // And again: it is not enough to have been told once.
    EXPECT_NE(complaint([&] { use(net); }).find("not registered"), std::string::npos) << name;
  }
}

// -- Where the owner lives ------------------------------------------------------------------------

TEST(UnregisteredMember, IsFoundWhereverItsOwnerLives) {
  static WithMember in_static_memory;
  static thread_local WithMember in_thread_memory;
  auto unique = std::make_unique<WithMember>();
  auto shared = std::make_shared<WithMember>();
  std::optional<WithMember> optional;
  optional.emplace();
  std::array<WithMember, 2> array;
  struct Trainer {
    int epochs = 3;
    WithMember model;
  } trainer;
  for (nn::Module* net : std::initializer_list<nn::Module*>{&in_static_memory, &in_thread_memory,
                                                            unique.get(), shared.get(), &*optional,
                                                            &array[0], &array[1], &trainer.model})
    EXPECT_NE(complaint([&] { net->parameters(); }).find("not registered"), std::string::npos);
}

// -- How deep it lies -----------------------------------------------------------------------------

template <class Member>
struct Holds : nn::Module {
  double before = 1;
  Member member;
  double after = 2;
  template <class... Arguments>
  explicit Holds(Arguments&&... arguments) : member{std::forward<Arguments>(arguments)...} {}
  Tensor forward(const Tensor& x) override { return x; }
};

struct Heads {
  int count = 2;
  nn::Linear left{4, 2};
  nn::ReLU right;
};
struct Deeper {
  std::optional<Heads> heads{std::in_place};
};
struct Block : nn::Module {
  nn::Linear fc{*this, "fc", 4, 4};
  Tensor forward(const Tensor& x) override { return fc(x); }
};
struct Base : nn::Module {
  nn::Dropout drop{0.5};
};
struct Derived : Base {
  nn::Linear fc{*this, "fc", 4, 4};
  Tensor forward(const Tensor& x) override { return fc(x); }
};
struct Aside {
  virtual ~Aside() = default;
  nn::Linear beside{4, 4};
};
#pragma GCC diagnostic push
#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes a destroying operator delete for one that frees, and its place in the object for a
// part of a heap block.
#pragma GCC diagnostic ignored "-Wfree-nonheap-object"
#endif
struct SecondBase : Aside, nn::Module {
  nn::Linear fc{*this, "fc", 4, 4};
  Tensor forward(const Tensor& x) override { return fc(x); }
};

template <class Net, class... Arguments>
std::string complaint_of(Arguments&&... arguments) {
  Net net(std::forward<Arguments>(arguments)...);
  const auto heap = std::make_unique<Net>(std::forward<Arguments>(arguments)...);
  const std::string on_the_stack = complaint([&] { net.parameters(); });
  EXPECT_EQ(complaint([&] { heap->parameters(); }), on_the_stack);
  return on_the_stack;
}

TEST(UnregisteredMember, IsFoundInsideOtherMembers) {
  const char* const found = "not registered";
  EXPECT_NE(complaint_of<Holds<std::optional<nn::Linear>>>(std::in_place, 4, 2).find(found),
            std::string::npos);
  EXPECT_NE(complaint_of<Holds<Heads>>().find("nn::Linear"), std::string::npos);
  EXPECT_NE(complaint_of<Holds<Deeper>>().find(found), std::string::npos);
  EXPECT_NE((complaint_of<Holds<std::variant<int, nn::ReLU>>>(std::in_place_index<1>).find(found)),
            std::string::npos);
  EXPECT_NE((complaint_of<Holds<std::array<nn::ReLU, 3>>>().find(found)), std::string::npos);
  EXPECT_NE(complaint_of<Holds<nn::Tanh[2]>>().find("nn::Tanh"), std::string::npos);
  EXPECT_NE(complaint_of<Holds<nn::Sequential>>(nn::Linear(4, 2), nn::ReLU()).find("Sequential"),
            std::string::npos);
  EXPECT_NE(complaint_of<Holds<Block>>().find("Block"), std::string::npos);
  EXPECT_NE(complaint_of<Derived>().find("nn::Dropout"), std::string::npos);
  EXPECT_NE(complaint_of<SecondBase>().find("nn::Linear"), std::string::npos);
  EXPECT_EQ(complaint_of<Block>(), "");
}
#pragma GCC diagnostic pop

// The module that it is a member of is told, not one further out.
struct BadBlock : nn::Module {
  using Module::Module;
  nn::Linear fc{4, 4};
  Tensor forward(const Tensor& x) override { return fc(x); }
};
struct Outer : nn::Module {
  BadBlock block{*this, "block"};
  nn::Linear head{*this, "head", 4, 2};
  Tensor forward(const Tensor& x) override { return head(block(x)); }
};

TEST(UnregisteredMember, IsReportedByItsOwnModule) {
  Outer net;
  const auto of_block = [](const std::string& text) { return text.rfind("BadBlock:", 0) == 0; };
  EXPECT_PRED1(of_block, complaint([&] { net(input()); }));
  EXPECT_PRED1(of_block, complaint([&] { net.parameters(); }));
  nn::Sequential all;
  all.append(std::make_unique<Outer>());
  EXPECT_PRED1(of_block, complaint([&] { all.state_dict(); }));
  EXPECT_PRED1(of_block, complaint([&] { all(input()); }));
}

struct Late : nn::Module {
  std::optional<nn::Linear> fc;
  Tensor forward(const Tensor& x) override { return fc ? (*fc)(x) : x; }
};

TEST(UnregisteredMember, IsFoundWhenItComesLater) {
  Late net;
  net(input());
  net.fc.emplace(4, 2);
  EXPECT_NE(complaint([&] { net(input()); }).find("not registered"), std::string::npos);
  net.fc.reset();
  EXPECT_EQ(complaint([&] { net(input()); }), "");
}

TEST(UnregisteredMember, MayBeKeptApart) {
  struct Student : nn::Module {
    nn::Linear fc{*this, "fc", 4, 2};
    nn::Linear teacher{4, 2};
    Student() { keep_apart(teacher); }
    Tensor forward(const Tensor& x) override { return fc(x) - teacher(x); }
  };
  Student net;
  EXPECT_EQ(complaint([&] { net(input()); }), "");
  EXPECT_EQ(net.parameters().size(), 2u);
}

// -- No false alarms ------------------------------------------------------------------------------

TEST(UnregisteredMember, NeighboursAreNone) {
  nn::Linear before{4, 4};
  Block net;
  nn::Linear after{4, 4};
  nn::Dropout array[3];
  struct Pair {
    Block a;
    nn::Linear b{4, 2};
    Block c;
  } pair;
  std::vector<std::unique_ptr<nn::Module>> heap;
  for (int i = 0; i < 50; ++i) {
    heap.push_back(std::make_unique<nn::ReLU>());
    heap.push_back(std::make_unique<Block>());
    heap.push_back(std::make_unique<nn::Linear>(4, 4));
  }
  for (nn::Module* m : std::initializer_list<nn::Module*>{
           &before, &net, &after, &array[0], &array[1], &array[2], &pair.a, &pair.b, &pair.c})
    EXPECT_EQ(complaint([&] { (*m)(input()), m->parameters(), m->eval(); }), "");
  for (auto& m : heap) EXPECT_EQ(complaint([&] { (*m)(input()), m->state_dict(); }), "");
}

TEST(UnregisteredMember, WhatIsGivenAnOwnerIsNone) {
  struct Net : nn::Module {
    nn::Sequential body{*this, "body", nn::Linear(4, 8), nn::ReLU(), nn::Linear(8, 4)};
    nn::Module& head = register_module("head", std::make_unique<nn::Linear>(4, 2));
    nn::ModuleList list{*this, "list"};
    nn::Module* extra = nullptr;
    Net() {
      nn::Linear temporary{4, 4};  // dies before anybody asks
      temporary(input());
      auto made = std::make_unique<Block>();
      made->parameters();
      extra = &list.append(std::move(made));
      list.add<nn::Tanh>();
      register_module("dropped", std::make_unique<nn::Dropout>());
    }
    Tensor forward(const Tensor& x) override { return head((*extra)(body(x))); }
  };
  Net net;
  EXPECT_EQ(complaint([&] { net(input()), net.parameters(), net.eval(); }), "");
  net.replace("head", std::make_unique<nn::Linear>(4, 3));
  net.replace("body.0", std::make_unique<nn::Linear>(4, 8));
  EXPECT_EQ(complaint([&] { net(input()), net.state_dict(); }), "");
  nn::Linear outside{4, 4};
  nn::Sequential all(nn::Linear(4, 4), std::make_unique<Net>());
  EXPECT_EQ(complaint([&] { all(input()), all.parameters(); }), "");
}

// A replaced member stays where it is as an empty shell.
TEST(UnregisteredMember, ReplacedMembersAreNone) {
  struct Net : nn::Module {
    nn::Linear a{*this, "a", 4, 4};
    nn::Linear b{*this, "b", 4, 2};
    Tensor forward(const Tensor& x) override { return b(a(x)); }
  };
  Net net;
  net.replace("b", std::make_unique<nn::Linear>(4, 5));
  nn::Linear newer{1, 1};  // makes everybody look again
  EXPECT_EQ(net(input()).size(1), 5);
  EXPECT_EQ(complaint([&] { net.parameters(), net.train(); }), "");
  net.replace("b", std::make_unique<nn::Linear>(4, 6));
  EXPECT_EQ(net(input()).size(1), 6);
}

TEST(UnregisteredMember, ConstructorsThatThrowLeaveNothingBehind) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_THROW(std::make_unique<nn::Linear>(0, 2), ValueError);
    EXPECT_THROW((Holds<nn::Dropout>(2.0)), ValueError);
    Block net;
    EXPECT_THROW((nn::Linear{net, "fc", 4, 4}), ValueError);  // the name is taken
    EXPECT_EQ(complaint([&] { net(input()), net.parameters(); }), "");
  }
}

}  // namespace
}  // namespace ingot
