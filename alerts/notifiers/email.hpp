#pragma once

#include <string>
#include <vector>

#include "agent/http/mail.hpp"
#include "agent/model/mailbox.hpp"
#include "agent/model/notification.hpp"
#include "alerts/message.hpp"
#include "alerts/notifiers/delivery.hpp"

namespace pgtend::alerts {

struct MailHeading {
  std::vector<Mailbox> from, to;
  std::string thread;      // the same for every mail of a group: mail programs show them together
  std::string message_id;  // the same when one mail is sent twice
};

// A whole mail as multipart/alternative (text, HTML), UTF-8, lines with CRLF. The Message-ID makes a mail that is sent
// twice recognisable; In-Reply-To makes a thread of a group.
[[nodiscard]] std::string mail_text(const Notification& notification, const MessageContext& context,
                                    const MailHeading& heading);

// 2yz sent; 4yz retry; 5yz dead. Source: RFC 5321 section 4.2.1.
[[nodiscard]] Delivery classify_mail(const Result<int>& reply);

}  // namespace pgtend::alerts
