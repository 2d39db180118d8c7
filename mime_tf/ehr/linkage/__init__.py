"""Orders linked to the diagnoses that led to them.

`link` makes the Dx-objects of every visit, by the reasons of orders and, where an order has none, by the policy asked
for; `report` counts how orders were linked; `terms` holds the words of both.
"""
