"""Shopify's GraphQL documents. They hold for the published schemas 2026-07 and 2026-10."""

from __future__ import annotations

_MONEY = "shopMoney { amount currencyCode }"
_LINE = f"""
  id sku title variantTitle quantity currentQuantity unfulfilledQuantity isGiftCard
  originalUnitPriceSet {{ {_MONEY} }}
  discountAllocations {{ allocatedAmountSet {{ shopMoney {{ amount }} }} }}
  variant {{ id legacyResourceId product {{ legacyResourceId }} }}
"""
_ORDER = f"""
  id legacyResourceId name createdAt processedAt updatedAt cancelledAt closedAt test
  displayFinancialStatus displayFulfillmentStatus returnStatus requiresShipping
  currencyCode taxesIncluded note
  customer {{ legacyResourceId }}
  shippingAddress {{ name company address1 address2 city province zip countryCodeV2 phone }}
  totalDiscountsSet {{ {_MONEY} }}
  totalShippingPriceSet {{ {_MONEY} }}
  totalTaxSet {{ {_MONEY} }}
  totalPriceSet {{ {_MONEY} }}
  totalReceivedSet {{ {_MONEY} }}
  totalRefundedSet {{ {_MONEY} }}
  totalTipReceivedSet {{ {_MONEY} }}
  originalTotalDutiesSet {{ {_MONEY} }}
  originalTotalAdditionalFeesSet {{ {_MONEY} }}
  transactions(first: 20) {{ kind status processedAt }}
  refunds(first: 20) {{ refundLineItems(first: 50) {{ nodes {{ quantity lineItem {{ id }} }} }} }}
  fulfillments(first: 20) {{
    status trackingInfo(first: 5) {{ company number }}
    fulfillmentLineItems(first: 50) {{ nodes {{ quantity lineItem {{ id }} }} }}
  }}
"""

#: one page of orders; at about 40 points a page of ten
ORDERS = f"""query OrdersPage($first: Int!, $after: String, $q: String) {{
  orders(first: $first, after: $after, query: $q, sortKey: UPDATED_AT) {{
    pageInfo {{ hasNextPage endCursor }}
    nodes {{ {_ORDER} lineItems(first: 50) {{ pageInfo {{ hasNextPage }} nodes {{ {_LINE} }} }} }}
  }}
}}"""

#: only numbers and times
HEADS = """query OrderHeads($first: Int!, $after: String, $q: String) {
  orders(first: $first, after: $after, query: $q, sortKey: UPDATED_AT) {
    pageInfo { hasNextPage endCursor }
    nodes { id legacyResourceId updatedAt }
  }
}"""

#: one order with all its lines
ORDER = f"""query OneOrder($id: ID!) {{
  order(id: $id) {{ {_ORDER} lineItems(first: 250) {{ pageInfo {{ hasNextPage }} nodes {{ {_LINE} }} }} }}
}}"""

_OWNER = "order { id legacyResourceId updatedAt currencyCode taxesIncluded }"
_REFUND_LINES = """refundLineItems(first: 50) { nodes {
    quantity restockType subtotalSet { shopMoney { amount } } totalTaxSet { shopMoney { amount } } lineItem { id sku }
  } }"""
_RETURNED_LINE = """id quantity returnReason returnReasonNote
    ... on ReturnLineItem { fulfillmentLineItem { lineItem {
      id quantity originalUnitPriceSet { shopMoney { amount } }
      discountAllocations { allocatedAmountSet { shopMoney { amount } } } taxLines { priceSet { shopMoney { amount } } }
    } } }"""
_RETURN = f"""
  id status createdAt closedAt requestApprovedAt {_OWNER}
  returnLineItems(first: 20) {{ nodes {{ {_RETURNED_LINE} }} }}
  reverseFulfillmentOrders(first: 5) {{ nodes {{ reverseDeliveries(first: 5) {{ nodes {{ deliverable {{
    ... on ReverseDeliveryShippingDeliverable {{ tracking {{ number carrierName }} }}
  }} }} }} }} }}
  refunds(first: 10) {{ nodes {{ id processedAt {_REFUND_LINES} }} }}
"""
_REFUND = f"""
  id createdAt processedAt updatedAt note {_OWNER} return {{ id }}
  totalRefundedSet {{ {_MONEY} }} {_REFUND_LINES}
"""

#: what went back, and is asked back, of one page of orders
CASES = f"""query CasesPage($first: Int!, $after: String, $q: String) {{
  orders(first: $first, after: $after, query: $q, sortKey: UPDATED_AT) {{
    pageInfo {{ hasNextPage endCursor }}
    nodes {{ id returns(first: 10) {{ nodes {{ {_RETURN} }} }} refunds(first: 20) {{ {_REFUND} }} }}
  }}
}}"""

#: one return by its own id
RETURN = f"""query OneReturn($id: ID!) {{ return(id: $id) {{ {_RETURN} }} }}"""

#: one refund by its own id
REFUND = f"""query OneRefund($id: ID!) {{ refund(id: $id) {{ {_REFUND} }} }}"""

OPEN = """query OpenFulfilmentOrders($id: ID!) {
  order(id: $id) { fulfillmentOrders(first: 20) { nodes {
    id status assignedLocation { location { id } }
    lineItems(first: 100) { nodes { id remainingQuantity lineItem { id } } }
  } } }
}"""

SHIP = """mutation Ship($f: FulfillmentInput!) {
  fulfillmentCreate(fulfillment: $f) {
    fulfillment { id status trackingInfo(first: 5) { company number } } userErrors { field message }
  }
}"""

LOCATION = "query Place { location { id } }"

ITEMS = """query Items($ids: [ID!]!) {
  nodes(ids: $ids) { ... on ProductVariant { id legacyResourceId inventoryItem { id } } }
}"""

#: the directive makes a repeat with the same key harmless
LEVELS = """mutation Levels($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup { id } userErrors { field message code }
  }
}"""

LEVEL = """query Level($id: ID!, $place: ID!) {
  productVariant(id: $id) {
    id inventoryItem { inventoryLevel(locationId: $place) { quantities(names: ["available"]) { name quantity } } }
  }
}"""

BALANCE = """query Balance($first: Int!, $after: String, $q: String) {
  shopifyPaymentsAccount {
    balanceTransactions(first: $first, after: $after, query: $q, sortKey: PROCESSED_AT) {
      pageInfo { hasNextPage endCursor }
      nodes {
        id type test transactionDate amount { amount currencyCode } fee { amount } net { amount }
        sourceId sourceType sourceOrderTransactionId associatedOrder { id } associatedPayout { id status }
      }
    }
  }
}"""

APPROVE = """mutation Approve($input: ReturnApproveRequestInput!) {
  returnApproveRequest(input: $input) { return { id status } userErrors { field message code } }
}"""

DECLINE = """mutation Decline($input: ReturnDeclineRequestInput!) {
  returnDeclineRequest(input: $input) { return { id status } userErrors { field message code } }
}"""
