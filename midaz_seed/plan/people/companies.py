"""Tables of companies and institutions: trades, names, legal forms. All of it is invented; shares are an assumption."""

from typing import NamedTuple

from midaz_seed.plan.people.weights import Weighted


class Trade(NamedTuple):
    """A trade of companies."""

    word: str
    """The word that a trading name begins or ends with."""
    activity: str
    """What a legal name says."""
    small: bool
    """A shop with a name of its own (Padaria Aurora); otherwise a company with the names of its owners."""


TRADES = Weighted(
    (
        (Trade("Padaria", "Panificadora", True), 9),
        (Trade("Mercado", "Comércio de Alimentos", True), 10),
        (Trade("Farmácia", "Comércio de Medicamentos", True), 8),
        (Trade("Restaurante", "Alimentação", True), 8),
        (Trade("Lanchonete", "Alimentação", True), 6),
        (Trade("Oficina", "Serviços Automotivos", True), 6),
        (Trade("Papelaria", "Comércio de Papelaria", True), 4),
        (Trade("Pet Shop", "Comércio de Produtos Veterinários", True), 4),
        (Trade("Salão", "Serviços de Beleza", True), 5),
        (Trade("Academia", "Atividades Esportivas", True), 3),
        (Trade("Livraria", "Comércio de Livros", True), 2),
        (Trade("Floricultura", "Comércio de Flores", True), 2),
        (Trade("Posto", "Comércio de Combustíveis", True), 3),
        (Trade("Clínica", "Serviços Médicos", True), 5),
        (Trade("Escola", "Ensino", True), 3),
        (Trade("Ótica", "Comércio de Artigos Óticos", True), 2),
        (Trade("Construtora", "Construções", False), 4),
        (Trade("Engenharia", "Engenharia", False), 3),
        (Trade("Transportes", "Transportes", False), 4),
        (Trade("Logística", "Logística", False), 2),
        (Trade("Tecnologia", "Tecnologia da Informação", False), 4),
        (Trade("Consultoria", "Consultoria Empresarial", False), 2),
        (Trade("Contabilidade", "Serviços Contábeis", False), 3),
        (Trade("Imóveis", "Negócios Imobiliários", False), 3),
        (Trade("Móveis", "Indústria de Móveis", False), 2),
        (Trade("Têxtil", "Indústria Têxtil", False), 2),
        (Trade("Agropecuária", "Agropecuária", False), 3),
        (Trade("Distribuidora", "Distribuição", False), 3),
    )
)
TRADE_FIRST = frozenset({"Construtora", "Agropecuária", "Distribuidora"})
"""Trades whose word stands before the names of the owners: Construtora Almeida."""

SHOP_NAMES = (
    *("Aurora", "Primavera", "Estrela", "Horizonte", "Boa Vista", "Bom Jardim", "Santa Rita", "São Jorge", "São José"),
    *("Nossa Senhora Aparecida", "Santo Antônio", "Santa Clara", "Ipê Amarelo", "Girassol", "Alvorada", "Avenida"),
    *("Central", "Popular", "Família", "Bem-Te-Vi", "Beija-Flor", "Flor do Campo", "Vale Verde", "Mar Azul", "Sol"),
    *("Nova Era", "Progresso", "União", "Esperança", "Vitória", "Liberdade", "Paraíso", "Planalto", "Serrana"),
    *("Litoral", "Tropical", "Imperial", "Jacarandá", "Araucária", "Sabiá", "Cristal", "Harmonia", "Vida Plena"),
)
PLACE_NAMES = (
    *("da Vila Mariana", "da Lapa", "do Brás", "da Mooca", "de Pinheiros", "do Tatuapé", "da Tijuca", "do Méier"),
    *("de Botafogo", "da Savassi", "da Pampulha", "da Pituba", "do Rio Vermelho", "de Boa Viagem", "da Aldeota"),
    *("do Batel", "da Água Verde", "do Moinho", "da Trindade", "do Centro", "do Mercado", "da Praça", "da Estação"),
)
SMALL_FORMS = Weighted((("Ltda.", 62), ("ME", 38)))
LARGE_FORMS = Weighted((("Ltda.", 72), ("S.A.", 28)))

BRANDS = tuple(
    f"{noun} {adjective}"
    for nouns, adjectives in (
        (("Serra", "Pedra", "Ponte", "Torre", "Ilha", "Trilha"), ("Azul", "Celeste", "Serena", "Boreal", "Austral")),
        (("Farol", "Mirante", "Rumo", "Marco", "Lago", "Vale"), ("Azul", "Celeste", "Sereno", "Boreal", "Austral")),
    )
    for noun in nouns
    for adjective in adjectives
)
"""Invented names of institutions: two words each, so that none is the name of a real one."""


class InstitutionKind(NamedTuple):
    """A kind of institution: its legal and its trading name, with `{}` for the brand."""

    legal: str
    trading: str


INSTITUTION_KINDS = Weighted(
    (
        (InstitutionKind("{} Instituição de Pagamento S.A.", "{} Pagamentos"), 50),
        (InstitutionKind("Banco {} S.A.", "Banco {}"), 30),
        (InstitutionKind("{} Sociedade de Crédito Direto S.A.", "{} SCD"), 20),
    )
)
